"""Faults of the API of Istio 1.0: for which services, and which of their ports, a policy holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from lab.faults.current.partial import strict_on_one_pod_only
from lab.faults.istio_1_0.sections import (
    DOCUMENT,
    GLOBALLY,
    NAMESPACE_WIDE,
    PER_NAMESPACE_OR_SERVICE,
    PRECEDENCE,
    SERVICE_SPECIFIC,
    WITH_MUTUAL_TLS,
)
from lab.faults.registry import fault
from lab.faults.views import unreviewed
from lab.kube.client import Client, GroupResource
from lab.mesh.config.istio_1_0 import authentication_policy
from lab.mesh.config.istio_1_0.authentication_policy import DEFAULT, Policy, PortSelector, Target, holding
from lab.mesh.config.istio_1_0.policies import Policies
from lab.mesh.model.proxy_config import MutualTls, SidecarConfig
from lab.mesh.workloads.service_registry import Service, ServicePort

CLEANUP_1 = "Cleanup part 1"
CLEANUP_2 = "Cleanup part 2"

Declared = Policies | Client
Decide = Callable[[Service, ServicePort], Policy | None]


@fault(GLOBALLY, DOCUMENT)
def any_tls_is_enough(sidecar: SidecarConfig) -> SidecarConfig:
    """Servers take TLS of clients without any certificate: encrypted, but not mutual."""
    ports = tuple(
        replace(port, mode=MutualTls.ANY_TLS) if port.mode is MutualTls.STRICT else port
        for port in sidecar.inbound.ports
    )
    return replace(sidecar, inbound=replace(sidecar.inbound, ports=ports))


@fault(GLOBALLY, DOCUMENT)
def mesh_policy_for_one_service(policies: Policies) -> Policies:
    """Of the services of a namespace that have a port of one number, one obeys the mesh-wide policy."""

    def decide(service: Service, port: ServicePort) -> Policy | None:
        chosen = policies.policy_for(service, port)
        return None if _of_mesh(chosen) and not _first(policies, service, port) else chosen

    return _decided(policies, decide)


@fault(GLOBALLY, DOCUMENT)
def mesh_policy_for_the_first_port(policies: Policies) -> Policies:
    """The policy for the whole mesh holds for the first port of each service."""

    def decide(service: Service, port: ServicePort) -> Policy | None:
        chosen = policies.policy_for(service, port)
        return None if _of_mesh(chosen) and port != service.ports[0] else chosen

    return _decided(policies, decide)


@fault(GLOBALLY, DOCUMENT)
def mutual_tls_on_one_pod_only() -> Callable[[SidecarConfig], SidecarConfig]:
    """Of several pods of a service one requires mutual TLS: the others still take plain text."""
    return strict_on_one_pod_only()


@fault(GLOBALLY, DOCUMENT)
def mesh_policy_of_any_name() -> Callable[[Declared], Declared]:
    """A MeshPolicy is taken, and holds, whatever its name is and whatever targets it has."""
    return _taken(authentication_policy.MESH_KEY, _with_any_mesh_policy)


@fault(CLEANUP_1, DOCUMENT)
def mesh_policy_outlives_its_deletion() -> Callable[[Policies], Policies]:
    """A MeshPolicy that is deleted stays in force, until there is another one."""
    last: list[tuple[Policy, ...]] = [()]

    def change(policies: Policies) -> Policies:
        last[0] = policies.mesh_policies or last[0]
        return replace(policies, mesh_policies=last[0])

    return change


@fault(PER_NAMESPACE_OR_SERVICE, DOCUMENT)
def lenient_policy_wins(policies: Policies) -> Policies:
    """A narrower policy holds only where it asks for less than the wider ones: it can open, but not close."""

    def decide(service: Service, port: ServicePort) -> Policy | None:
        levels = _levels(policies, service, port)
        return min(levels, key=_demands) if levels else None

    return _decided(policies, decide)


@fault(PER_NAMESPACE_OR_SERVICE, DOCUMENT)
def service_policy_ignored(policies: Policies) -> Policies:
    """A policy for a service has no effect."""
    return replace(policies, policies=tuple(each for each in policies.policies if not each.targets))


@fault(NAMESPACE_WIDE, DOCUMENT)
def namespace_policy_for_one_service(policies: Policies) -> Policies:
    """Of the services of a namespace that have a port of one number, one obeys the namespace's policy."""

    def decide(service: Service, port: ServicePort) -> Policy | None:
        chosen = policies.policy_for(service, port)
        if chosen is None or not _of_namespace(chosen) or _first(policies, service, port):
            return chosen
        return next(iter(policies.mesh_policies), None)

    return _decided(policies, decide)


@fault(NAMESPACE_WIDE, DOCUMENT)
def policy_of_one_namespace_leaks(policies: Policies) -> Policies:
    """A policy for one namespace holds in the whole mesh."""
    return _everywhere(policies, _of_namespace)


@fault(NAMESPACE_WIDE, DOCUMENT)
def policy_of_the_default_namespace_leaks(policies: Policies) -> Policies:
    """A policy for the namespace `default` holds in the whole mesh, as if that were the root namespace."""
    return _everywhere(policies, lambda policy: _of_namespace(policy) and policy.namespace == "default")


@fault(NAMESPACE_WIDE, DOCUMENT)
def namespace_policy_of_any_name() -> Callable[[Declared], Declared]:
    """A policy without targets is taken, and holds for its namespace, whatever its name is."""
    # The mesh itself goes by the targets alone, once the policy is there.
    return _taken(authentication_policy.KEY, lambda policies: policies)


@fault(SERVICE_SPECIFIC, DOCUMENT)
def service_policy_in_every_namespace(policies: Policies) -> Policies:
    """A policy for a service holds for the services of that name in all namespaces."""
    spaces = {service.namespace for service in policies.registry.services}
    copies = [
        replace(each, namespace=space) for each in policies.policies if each.targets for space in spaces
    ]
    return replace(policies, policies=(*policies.policies, *copies))


@fault(SERVICE_SPECIFIC, DOCUMENT)
def service_policy_needs_its_name(policies: Policies) -> Policies:
    """A policy for a service holds only if it has the name of the service."""
    found = [
        each
        for each in policies.policies
        if not each.targets or any(target.service == each.name for target in each.targets)
    ]
    return replace(policies, policies=tuple(found))


@fault(SERVICE_SPECIFIC, DOCUMENT)
def ports_of_a_target_ignored(policies: Policies) -> Policies:
    """A policy for a port of a service holds for all of its ports, and also where there is no such port."""

    def widened(policy: Policy) -> Policy:
        return replace(policy, targets=tuple(replace(target, ports=()) for target in policy.targets))

    return replace(policies, policies=tuple(map(widened, policies.policies)))


@fault(SERVICE_SPECIFIC, DOCUMENT)
def port_policy_on_all_ports(policies: Policies) -> Policies:
    """A policy for a port of a service holds for all of its ports, if there is such a port."""

    def decide(service: Service, port: ServicePort) -> Policy | None:
        chosen = [policies.policy_for(service, each) for each in service.ports]
        for policy in chosen:
            if policy is not None and any(target.ports for target in policy.targets):
                return policy
        return policies.policy_for(service, port)

    return _decided(policies, decide)


@fault(SERVICE_SPECIFIC, DOCUMENT)
def policy_for_a_second_port_ignored(policies: Policies) -> Policies:
    """A policy for a port of a service has no effect, unless that is the first of its ports."""

    def decide(service: Service, port: ServicePort) -> Policy | None:
        chosen = policies.policy_for(service, port)
        named = chosen is not None and any(target.ports for target in chosen.targets)
        if not named or port == service.ports[0]:
            return chosen
        return holding(
            (each for each in policies.policies if each is not chosen), policies.mesh_policies, service, port
        )

    return _decided(policies, decide)


@fault(SERVICE_SPECIFIC, DOCUMENT)
def service_policy_for_the_first_port(policies: Policies) -> Policies:
    """A policy for a service that names no port holds for the first port of the service."""

    def decide(service: Service, port: ServicePort) -> Policy | None:
        chosen = policies.policy_for(service, port)
        if chosen is None or not chosen.targets or any(target.ports for target in chosen.targets):
            return chosen
        wider = [each for each in policies.policies if not each.targets]
        return chosen if port == service.ports[0] else holding(wider, policies.mesh_policies, service, port)

    return _decided(policies, decide)


@fault(PRECEDENCE, DOCUMENT)
def namespace_policy_off_beside_a_service_policy(policies: Policies) -> Policies:
    """As soon as there is a policy for one service, the others of its namespace have none."""
    specific = {each.namespace for each in policies.policies if each.targets}
    found = [each for each in policies.policies if each.targets or each.namespace not in specific]
    return replace(policies, policies=tuple(found))


@fault(CLEANUP_2, DOCUMENT)
def policy_outlives_its_deletion() -> Callable[[Policies], Policies]:
    """A Policy for services that is deleted stays in force, until there is another one in its namespace."""
    kept: dict[str, list[Policy]] = {}

    def change(policies: Policies) -> Policies:
        now: dict[str, list[Policy]] = {}
        for policy in policies.policies:
            if policy.targets:
                now.setdefault(policy.namespace, []).append(policy)
        kept.update(now)
        gone = (each for namespace, found in kept.items() if namespace not in now for each in found)
        return replace(policies, policies=(*policies.policies, *gone))

    return change


@fault(WITH_MUTUAL_TLS, DOCUMENT)
def tokens_inherit_mutual_tls(policies: Policies) -> Policies:
    """A policy for a service that asks for tokens only inherits mutual TLS of its namespace's policy."""
    of_namespace = {each.namespace: each for each in policies.policies if not each.targets}

    def merged(policy: Policy) -> Policy:
        above = of_namespace.get(policy.namespace)
        if not policy.targets or above is None or not policy.origins or policy.peers:
            return policy
        return replace(policy, peers=above.peers)

    return replace(policies, policies=tuple(map(merged, policies.policies)))


def _taken(key: GroupResource, change: Callable[[Policies], Policies]) -> Callable[[Declared], Declared]:
    """Takes whatever is declared of a kind, and changes what is then in force."""

    def taken(part: Declared) -> Declared:
        return change(part) if isinstance(part, Policies) else unreviewed(part, [key])

    return taken


def _with_any_mesh_policy(policies: Policies) -> Policies:
    found = (replace(each, name=DEFAULT, targets=()) for each in policies.mesh_policies)
    return replace(policies, mesh_policies=tuple(found))


def _decided(policies: Policies, decide: Decide) -> Policies:
    """With one policy for each port of each service: the one that is decided on."""
    found = []
    for service in policies.registry.services:
        for port in service.ports:
            policy = decide(service, port)
            if policy is not None:
                target = Target(service.name, (PortSelector(port.port, None),))
                found.append(replace(policy, namespace=service.namespace, targets=(target,)))
    return replace(policies, policies=tuple(found), mesh_policies=())


def _levels(policies: Policies, service: Service, port: ServicePort) -> Sequence[Policy]:
    """What would hold with the policies for services, without them, and with that of the mesh alone."""
    wider = [each for each in policies.policies if not each.targets]
    found = (
        holding(policies.policies, policies.mesh_policies, service, port),
        holding(wider, policies.mesh_policies, service, port),
        holding((), policies.mesh_policies, service, port),
    )
    return [each for each in found if each is not None]


def _demands(policy: Policy) -> int:
    """How much mutual TLS a policy asks for."""
    if MutualTls.STRICT in policy.peers:
        return 2
    return 1 if policy.peers else 0


def _everywhere(policies: Policies, leaks: Callable[[Policy], bool]) -> Policies:
    leaked: Iterable[Policy] = (
        replace(each, namespace="", name=DEFAULT) for each in policies.policies if leaks(each)
    )
    return replace(policies, mesh_policies=(*policies.mesh_policies, *leaked))


def _of_mesh(policy: Policy | None) -> bool:
    return policy is not None and not policy.namespace


def _of_namespace(policy: Policy) -> bool:
    return bool(policy.namespace) and not policy.targets


def _first(policies: Policies, service: Service, port: ServicePort) -> bool:
    """Whether it is the one by which a table of a namespace's ports knows this port: the last by its name."""
    others = [
        each.name
        for each in policies.registry.services
        if each.namespace == service.namespace and any(it.port == port.port for it in each.ports)
    ]
    return service.name == max(others)
