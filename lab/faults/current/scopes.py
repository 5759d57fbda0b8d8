"""Faults of PeerAuthentication: which policy holds where, and on which ports."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from lab.faults.current.sections import NAMESPACE_WIDE, PER_WORKLOAD, PRECEDENCE, STRICT_MODE
from lab.faults.registry import fault
from lab.mesh.config.current.peer_authentication import PeerAuthentication
from lab.mesh.config.current.policies import Policies
from lab.mesh.model.proxy_config import MutualTls, SidecarConfig
from lab.mesh.workloads.service_registry import ServiceRegistry, Workload, target_port

LATEST = "9999-12-31T23:59:59Z"
"""The age of a policy that gives way to all others."""


@fault(STRICT_MODE)
def mesh_policy_only_in_its_namespace(policies: Policies) -> Policies:
    """The policy of the root namespace holds in the root namespace and nowhere else."""
    root = policies.registry.root_namespace
    return _kept(policies, lambda policy: policy.namespace != root)


@fault(NAMESPACE_WIDE)
def namespace_policy_ignored(policies: Policies) -> Policies:
    """A policy for a whole namespace has no effect."""
    return _kept(policies, lambda policy: not _of_namespace(policy, policies.registry))


@fault(NAMESPACE_WIDE)
def namespace_policy_leaks(policies: Policies) -> Policies:
    """A policy for one namespace holds in the whole mesh."""
    root = policies.registry.root_namespace
    leaked = [replace(each, namespace=root) for each in _of_namespaces(policies)]
    return _with(policies, [*policies.peer_authentications, *leaked])


@fault(PRECEDENCE)
def namespace_policy_beaten_by_mesh(policies: Policies) -> Policies:
    """Where there is a policy for the whole mesh, one for a namespace has no effect."""
    if not _mesh_mode(policies):
        return policies
    return _kept(policies, lambda policy: not _of_namespace(policy, policies.registry))


@fault(PRECEDENCE)
def precedence_reversed(policies: Policies) -> Policies:
    """The wider policy wins: the mesh's over a namespace's, a namespace's over a workload's."""
    if _mesh_mode(policies):
        root = policies.registry.root_namespace
        return _kept(policies, lambda policy: policy.namespace == root)
    ruled = {policy.namespace for policy in _of_namespaces(policies) if policy.mode}
    return _kept(policies, lambda policy: not policy.selector or policy.namespace not in ruled)


@fault(PRECEDENCE)
def newest_policy_wins(policies: Policies) -> Policies:
    """Of several policies for the same workloads the newest holds, not the oldest."""
    by_age = sorted(policies.peer_authentications, key=lambda each: each.age)
    created = [each.created for each in by_age]
    # Those of one second are told apart by name, so that has to be turned round as well.
    turned = [
        replace(policy, created=f"{time}-{number:06}")
        for number, (policy, time) in enumerate(zip(reversed(by_age), created, strict=True))
    ]
    return _with(policies, turned)


@fault(PER_WORKLOAD)
def workload_policy_ignored(policies: Policies) -> Policies:
    """A policy with a selector has no effect."""
    return _kept(policies, lambda policy: not policy.selector)


@fault(PER_WORKLOAD)
def workload_policy_leaks(policies: Policies) -> Policies:
    """A policy with a selector holds for every workload of its namespace that has none of its own."""
    return _with(policies, [*policies.peer_authentications, *_leaked(policies, _selecting(policies))])


@fault(PER_WORKLOAD)
def selector_as_or(policies: Policies) -> Policies:
    """A selector takes workloads that have any of its labels, instead of all."""
    split = [
        replace(policy, selector={label: value}, name=f"{policy.name}-{label}")
        for policy in _selecting(policies)
        for label, value in policy.selector.items()
    ]
    return _with(policies, [*(each for each in policies.peer_authentications if not each.selector), *split])


@fault(PER_WORKLOAD)
def port_level_ignored(policies: Policies) -> Policies:
    """`portLevelMtls` has no effect: the workload's mode holds on every port."""
    return _with(policies, [replace(each, port_modes={}) for each in policies.peer_authentications])


@fault(PER_WORKLOAD)
def port_level_by_service_port(policies: Policies) -> Policies:
    """The port in `portLevelMtls` is taken for the Service's, not for the container's."""

    def by_service_port(policy: PeerAuthentication) -> PeerAuthentication:
        modes = {
            container_port: policy.port_modes[service_port]
            for workload in selected(policy, policies.registry)
            for service_port, container_port in ports_of(workload, policies.registry)
            if service_port in policy.port_modes
        }
        return replace(policy, port_modes=modes)

    return _with(policies, map(by_service_port, policies.peer_authentications))


@fault(PER_WORKLOAD)
def port_level_leaks(policies: Policies) -> Policies:
    """`portLevelMtls` of one workload holds for every workload of its namespace."""
    ports: dict[str, dict[int, MutualTls | None]] = {}
    for policy in _selecting(policies):
        ports.setdefault(policy.namespace, {}).update(policy.port_modes)
    widened = [
        replace(each, port_modes=ports.get(each.namespace, {})) if each.selector else each
        for each in policies.peer_authentications
    ]
    only_ports = [replace(each, mode=None) for each in widened if each.selector]
    return _with(policies, [*widened, *_leaked(policies, only_ports)])


@fault(PER_WORKLOAD)
def unbound_port_ignored(policies: Policies) -> Policies:
    """`portLevelMtls` of a port that no Service binds has no effect."""

    def of_bound_ports(policy: PeerAuthentication) -> PeerAuthentication:
        bound = bound_ports(policy, policies.registry)
        modes = {port: mode for port, mode in policy.port_modes.items() if port in bound}
        return replace(policy, port_modes=modes)

    return _with(policies, map(of_bound_ports, policies.peer_authentications))


@fault(PER_WORKLOAD)
def unbound_port_open(config: SidecarConfig) -> SidecarConfig:
    """Ports that no Service binds take plain text, whatever the mode of the workload."""
    ports = tuple(port for port in config.inbound.ports if port.bound)
    return replace(config, inbound=replace(config.inbound, ports=ports, default_mode=MutualTls.PERMISSIVE))


@fault(PRECEDENCE)
def disable_as_permissive(policies: Policies) -> Policies:
    """DISABLE still lets mutual TLS in, and clients go on sending it."""

    def permissive(mode: MutualTls | None) -> MutualTls | None:
        return MutualTls.PERMISSIVE if mode is MutualTls.DISABLE else mode

    return _with(
        policies,
        (
            replace(
                each,
                mode=permissive(each.mode),
                port_modes={port: permissive(mode) for port, mode in each.port_modes.items()},
            )
            for each in policies.peer_authentications
        ),
    )


def _with(policies: Policies, declared: Iterable[PeerAuthentication]) -> Policies:
    return replace(policies, peer_authentications=tuple(declared))


def _kept(policies: Policies, wanted: Callable[[PeerAuthentication], bool]) -> Policies:
    return _with(policies, filter(wanted, policies.peer_authentications))


def _of_namespace(policy: PeerAuthentication, registry: ServiceRegistry) -> bool:
    """Whether it is for a whole namespace that is not the root one."""
    return not policy.selector and policy.namespace != registry.root_namespace


def _of_namespaces(policies: Policies) -> list[PeerAuthentication]:
    return [each for each in policies.peer_authentications if _of_namespace(each, policies.registry)]


def _selecting(policies: Policies) -> list[PeerAuthentication]:
    return [each for each in policies.peer_authentications if each.selector]


def _mesh_mode(policies: Policies) -> bool:
    """Whether a policy for the whole mesh says something."""
    root = policies.registry.root_namespace
    return any(
        each.mode for each in policies.peer_authentications if each.namespace == root and not each.selector
    )


def selected(policy: PeerAuthentication, registry: ServiceRegistry) -> list[Workload]:
    return [
        workload
        for workload in registry.workloads
        if workload.namespace == policy.namespace and policy.selector.items() <= workload.labels.items()
    ]


def bound_ports(policy: PeerAuthentication, registry: ServiceRegistry) -> set[int]:
    """The ports that Services bind of the workloads that a policy selects."""
    return {port for each in selected(policy, registry) for _, port in ports_of(each, registry)}


def ports_of(workload: Workload, registry: ServiceRegistry) -> Iterator[tuple[int, int]]:
    """A Service's port and the workload's own port behind it."""
    for service in registry.services:
        if service.selects(workload):
            for port in service.ports:
                target = target_port(port, workload)
                if target is not None:
                    yield port.port, target


def _leaked(policies: Policies, leaking: Iterable[PeerAuthentication]) -> Iterator[PeerAuthentication]:
    """Copies for all workloads of the same namespace; they give way to policies that select these."""
    for policy in leaking:
        for workload in policies.registry.workloads:
            if workload.namespace == policy.namespace:
                selector = dict(workload.labels)
                yield replace(
                    policy, selector=selector, name=f"{policy.name}~{workload.name}", created=LATEST
                )
