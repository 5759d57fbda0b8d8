"""Faults of the API of Istio 1.0: which policy and which rule holds, and which tokens are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from lab.faults.istio_1_0.sections import (
    DOCUMENT,
    END_USER,
    GLOBALLY,
    PRECEDENCE,
    SERVICE_SPECIFIC,
    TO_LEGACY,
)
from lab.faults.registry import fault
from lab.faults.trees import messages
from lab.mesh.config.istio_1_0.authentication_policy import DEFAULT, Policy, PortSelector, Target
from lab.mesh.config.istio_1_0.policies import Policies
from lab.mesh.config.networking.destination_rule import DestinationRule, TlsSettings, TrafficPolicy
from lab.mesh.envoy import token_check
from lab.mesh.envoy.resources import Resources
from lab.mesh.model.hosts import most_specific
from lab.mesh.model.proxy_config import (
    ClientTls,
    GatewayConfig,
    MutualTls,
    ProxyConfig,
    SidecarConfig,
    TlsOrigination,
)
from lab.mesh.model.tokens import TokenCheck
from lab.mesh.workloads.service_registry import Service, ServiceRegistry, Workload, target_port

Seen = Policies | SidecarConfig


@fault(GLOBALLY, DOCUMENT)
def mesh_policy_ignored(policies: Policies) -> Policies:
    """The policy for the whole mesh has no effect."""
    return replace(policies, mesh_policies=())


@fault(GLOBALLY, DOCUMENT)
def auto_mutual_tls_on(policies: Policies) -> Policies:
    """Clients find out by themselves which servers want mutual TLS, and send it without any rule."""
    found = [
        DestinationRule(
            namespace=service.namespace,
            name=f"fault-{service.name}",
            created="",
            host=service.host,
            export_to=(),
            workload_selector=None,
            policy=TrafficPolicy(tls=TlsSettings(TlsOrigination.ISTIO_MUTUAL), ports={}),
            subsets=(),
        )
        for service in policies.registry.services
        if policies.destinations.find(service.host) is None and _wants_mutual_tls(service, policies)
    ]
    return _with_rules(policies, (*policies.networking.destination_rules, *found))


@fault(GLOBALLY, DOCUMENT)
def rules_of_the_clients_namespace() -> Callable[[Seen], Seen]:
    """A client obeys destination rules of its own namespace only."""
    hosts: dict[str, set[str]] = {}

    def change(part: Seen) -> Seen:
        if isinstance(part, Policies):
            hosts.clear()
            for rule in part.networking.destination_rules:
                hosts.setdefault(rule.namespace, set()).add(rule.host)
            return part
        own = hosts.get(part.namespace, set())
        upstreams = tuple(
            upstream
            if most_specific(own, upstream.host)
            else replace(upstream, tls=ClientTls(TlsOrigination.DISABLE))
            for upstream in part.upstreams
        )
        return replace(part, upstreams=upstreams)

    return change


@fault(GLOBALLY, DOCUMENT)
def rule_without_tls_ignored(policies: Policies) -> Policies:
    """A rule that says nothing of TLS does not override a wider one that does."""
    rules = tuple(
        rule for rule in policies.networking.destination_rules if rule.policy is None or rule.policy.tls
    )
    return _with_rules(policies, rules)


@fault(TO_LEGACY, DOCUMENT)
def plain_text_rule_ignored(policies: Policies) -> Policies:
    """A rule that turns TLS off for a host has no effect."""
    rules = tuple(rule for rule in policies.networking.destination_rules if not _turns_off(rule))
    return _with_rules(policies, rules)


@fault(PRECEDENCE, DOCUMENT)
def namespace_policy_beaten_by_the_mesh(policies: Policies) -> Policies:
    """Where there is a policy for the whole mesh, one for a namespace has no effect."""
    if not policies.mesh_policies:
        return policies
    return replace(policies, policies=tuple(each for each in policies.policies if each.targets))


@fault(PRECEDENCE, DOCUMENT)
def merged_with_the_namespaces_policy(policies: Policies) -> Policies:
    """A policy for a service inherits mutual TLS of its namespace's, where it says nothing of it."""
    of_namespace = {each.namespace: each for each in policies.policies if not each.targets}
    return _merged(policies, lambda policy: of_namespace.get(policy.namespace))


@fault("End-user authentication with mutual TLS", DOCUMENT)
def merged_with_the_meshs_policy(policies: Policies) -> Policies:
    """A policy for a service inherits mutual TLS of the mesh's, where it says nothing of it."""
    mesh = next((each for each in policies.mesh_policies if each.name == DEFAULT), None)
    return _merged(policies, lambda _policy: mesh)


@fault(SERVICE_SPECIFIC, DOCUMENT)
def service_policy_leaks(policies: Policies) -> Policies:
    """A policy for one service holds for all services of its namespace."""
    named = names_by_namespace(policies.registry)

    def leaking(policy: Policy) -> Policy:
        others = named.get(policy.namespace, ())
        leaked = (replace(target, service=name) for target in policy.targets for name in others)
        return replace(policy, targets=(*policy.targets, *leaked))

    return replace(policies, policies=tuple(map(leaking, policies.policies)))


@fault(SERVICE_SPECIFIC, DOCUMENT)
def port_as_container_port(policies: Policies) -> Policies:
    """The port that a policy names is taken for the container's, not for the Service's."""
    services = {(each.namespace, each.name): each for each in policies.registry.services}

    def taken(policy: Policy) -> Policy:
        targets = (
            _by_container_port(target, services.get((policy.namespace, target.service)), policies.registry)
            for target in policy.targets
        )
        return replace(policy, targets=tuple(targets))

    return replace(policies, policies=tuple(map(taken, policies.policies)))


@fault(END_USER, DOCUMENT)
def skew_60(config: ProxyConfig) -> ProxyConfig:
    """A token is accepted for a minute after it has expired."""
    return _with_checks(config, lambda check: replace(check, clock_skew_s=60))


@fault(END_USER, DOCUMENT)
def audience_unchecked(config: ProxyConfig) -> ProxyConfig:
    """It does not matter for whom a token is."""

    def for_anybody(check: TokenCheck) -> TokenCheck:
        return replace(check, rules=tuple(replace(rule, audiences=()) for rule in check.rules))

    return _with_checks(config, for_anybody)


@fault(END_USER, DOCUMENT)
def missing_token_accepted(resources: Resources) -> Resources:
    """A request without a token is let in, although one is required."""
    return _judged_otherwise(resources, "if settings.allowed == nil then return end")


@fault(END_USER, DOCUMENT)
def refused_with_403(resources: Resources) -> Resources:
    """A request without a valid token is refused with 403, as if it were known who asks."""
    for message in messages(resources.listeners):
        source = message.get("default_source_code", {})
        if source.get("inline_string") == token_check.JUDGE_TOKEN:
            source["inline_string"] = source["inline_string"].replace('"401"', '"403"')
    return resources


def _wants_mutual_tls(service: Service, policies: Policies) -> bool:
    """Whether a policy demands it, and the pods of the service have proxies that can obey."""
    injected = any(workload.injected for workload in policies.registry.workloads if service.selects(workload))
    chosen = (policies.policy_for(service, port) for port in service.ports)
    return injected and any(MutualTls.STRICT in policy.peers for policy in chosen if policy)


def _turns_off(rule: DestinationRule) -> bool:
    tls = rule.policy.tls if rule.policy else None
    return tls is not None and tls.mode is TlsOrigination.DISABLE


def _merged(policies: Policies, wider: Callable[[Policy], Policy | None]) -> Policies:
    """Each policy for services, with what the wider policy says of mutual TLS if it says nothing itself."""

    def merged(policy: Policy) -> Policy:
        above = wider(policy)
        if not policy.targets or above is None or _transport(policy.peers):
            return policy
        return replace(policy, peers=(*policy.peers, *_transport(above.peers)))

    return replace(policies, policies=tuple(map(merged, policies.policies)))


def _transport(peers: Iterable[object]) -> list[MutualTls]:
    return [peer for peer in peers if isinstance(peer, MutualTls)]


def _by_container_port(target: Target, service: Service | None, registry: ServiceRegistry) -> Target:
    if not target.ports or service is None:
        return target
    named = {port.number for port in target.ports}
    meant = [
        PortSelector(port.port, None)
        for port in service.ports
        if any(target_port(port, workload) in named for workload in _behind(service, registry))
    ]
    # Port 0 is none: without any port it would be a policy for all.
    return replace(target, ports=tuple(meant) or (PortSelector(0, None),))


def _behind(service: Service, registry: ServiceRegistry) -> Iterator[Workload]:
    return (workload for workload in registry.workloads if service.selects(workload))


def _with_checks(config: ProxyConfig, change: Callable[[TokenCheck], TokenCheck]) -> ProxyConfig:
    """What is demanded of tokens, at the ports of a workload and at the listeners of a gateway."""

    def changed(check: TokenCheck | None) -> TokenCheck | None:
        return None if check is None else change(check)

    if isinstance(config, GatewayConfig):
        listeners = (replace(each, tokens=changed(each.tokens)) for each in config.listeners)
        return replace(config, listeners=tuple(listeners))
    ports = (replace(each, tokens=changed(each.tokens)) for each in config.inbound.ports)
    return replace(config, inbound=replace(config.inbound, ports=tuple(ports)))


def _judged_otherwise(resources: Resources, statement: str) -> Resources:
    """Has something said before tokens are judged, with `settings` at hand."""
    wrapper = f"""
local judge = envoy_on_request
function envoy_on_request(handle)
  local settings = handle:streamInfo():dynamicMetadata():get("{token_check.SETTINGS}")
  {statement}
  judge(handle)
end
"""
    for message in messages(resources.listeners):
        source = message.get("default_source_code", {})
        if source.get("inline_string") == token_check.JUDGE_TOKEN:
            source["inline_string"] += wrapper
    return resources


def _with_rules(policies: Policies, rules: tuple[DestinationRule, ...]) -> Policies:
    return replace(policies, networking=replace(policies.networking, destination_rules=rules))


def names_by_namespace(registry: ServiceRegistry) -> dict[str, list[str]]:
    """The names of the services of each namespace."""
    named: dict[str, list[str]] = {}
    for service in registry.services:
        named.setdefault(service.namespace, []).append(service.name)
    return named
