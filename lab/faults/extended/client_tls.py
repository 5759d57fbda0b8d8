"""Faults in what clients make of DestinationRules."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from lab.faults.registry import EXTENDED, fault
from lab.faults.upstreams import with_endpoints
from lab.mesh.config.current.policies import Policies
from lab.mesh.config.networking.destination_rule import DestinationRule, Subset, TlsSettings, TrafficPolicy
from lab.mesh.model.hosts import fully_qualified
from lab.mesh.model.proxy_config import (
    ClientTls,
    Endpoint,
    GatewayConfig,
    SidecarConfig,
    TlsOrigination,
    Upstream,
)

AREA = "Client TLS"

PLAIN_TEXT = TlsSettings(TlsOrigination.DISABLE)
MUTUAL_TLS = TlsSettings(TlsOrigination.ISTIO_MUTUAL)


@fault(AREA, EXTENDED)
def destination_rules_ignored(policies: Policies) -> Policies:
    """Clients go by no DestinationRule."""
    return _with_rules(policies, lambda _rule: ())


@fault(AREA, EXTENDED)
def plain_text_with_every_pod(config: SidecarConfig) -> SidecarConfig:
    """Clients send plain text to all pods of a service if one of them has no proxy."""

    def alike(upstream: Upstream) -> Iterable[Endpoint]:
        mesh = all(each.mesh for each in upstream.endpoints)
        return (replace(each, mesh=mesh) for each in upstream.endpoints)

    return with_endpoints(config, alike)


@fault(AREA, EXTENDED)
def silent_rule_is_plain_text(policies: Policies) -> Policies:
    """Where a DestinationRule says nothing of TLS, clients send plain text."""
    return _with_policies(policies, lambda policy: replace(policy, tls=policy.tls or PLAIN_TEXT))


@fault(AREA, EXTENDED)
def short_host_in_every_namespace(policies: Policies) -> Policies:
    """A rule for a service is for services of that name in all namespaces."""
    namespaces = sorted({service.namespace for service in policies.registry.services})

    def everywhere(rule: DestinationRule) -> Iterable[DestinationRule]:
        name = rule.host.partition(".")[0]
        hosts = [rule.host] if rule.host.startswith("*") else [_whole(name, each) for each in namespaces]
        return (replace(rule, host=host) for host in hosts)

    return _with_rules(policies, everywhere)


@fault(AREA, EXTENDED)
def partial_host_completed(policies: Policies) -> Policies:
    """A host that leaves out the domain of the cluster is taken for the whole name."""

    def completed(rule: DestinationRule) -> Iterable[DestinationRule]:
        service, *namespace = rule.host.removesuffix(".svc").split(".")
        yield replace(rule, host=_whole(service, namespace[0])) if len(namespace) == 1 else rule

    return _with_rules(policies, completed)


@fault(AREA, EXTENDED)
def rule_of_a_port_for_all_ports(policies: Policies) -> Policies:
    """What a rule says of the TLS of one port holds for all ports of the service."""

    def spread(policy: TrafficPolicy) -> TrafficPolicy:
        return replace(policy, tls=policy.tls or next(filter(None, policy.ports.values()), None))

    return _with_policies(policies, spread)


@fault(AREA, EXTENDED)
def rule_before_its_ports(policies: Policies) -> Policies:
    """What a rule says of TLS holds for every port, whatever it says of some."""
    return _with_policies(policies, lambda policy: replace(policy, ports={}) if policy.tls else policy)


@fault(AREA, EXTENDED)
def port_without_tls_is_automatic(policies: Policies) -> Policies:
    """Clients use mutual TLS with a port of which a rule says something, but nothing of TLS."""

    def automatic(policy: TrafficPolicy) -> TrafficPolicy:
        return replace(policy, ports={port: tls or MUTUAL_TLS for port, tls in policy.ports.items()})

    return _with_policies(policies, automatic)


@fault(AREA, EXTENDED)
def rules_from_every_namespace(policies: Policies) -> Policies:
    """A client goes by a rule wherever that is."""
    return _with_rules(policies, lambda rule: [replace(rule, namespace=policies.registry.root_namespace)])


@fault(AREA, EXTENDED)
def root_rules_first(policies: Policies) -> Policies:
    """A rule of the root namespace is before those of the namespaces of clients and services."""
    rules = policies.networking.destination_rules
    root = {rule.host for rule in rules if rule.namespace == policies.registry.root_namespace}
    return _with_rules(
        policies,
        lambda rule: (
            () if rule.host in root and rule.namespace != policies.registry.root_namespace else (rule,)
        ),
    )


@fault(AREA, EXTENDED)
def export_to_ignored(policies: Policies) -> Policies:
    """Every rule is for clients of all namespaces."""
    return _with_rules(policies, lambda rule: [replace(rule, export_to=())])


@fault(AREA, EXTENDED)
def wildcard_hosts_first(policies: Policies) -> Policies:
    """The shortest wildcard that fits a service is before its name, and before longer ones."""
    rules = policies.networking.destination_rules
    wildcards = {rule.host[1:] for rule in rules if rule.host.startswith("*")}

    def fits_a_shorter(host: str) -> bool:
        return any(host.endswith(suffix) for suffix in wildcards - {host.removeprefix("*")})

    return _with_rules(policies, lambda rule: () if fits_a_shorter(rule.host) else (rule,))


@fault(AREA, EXTENDED)
def wildcard_of_the_client_ignored(policies: Policies) -> Policies:
    """Wildcards count in the root namespace only."""
    root = policies.registry.root_namespace
    return _with_rules(
        policies, lambda rule: () if rule.host.startswith("*") and rule.namespace != root else (rule,)
    )


@fault(AREA, EXTENDED)
def client_selector_ignored(policies: Policies) -> Policies:
    """A rule is for all clients of its namespace, whatever its workload selector says."""
    return _with_rules(policies, lambda rule: [replace(rule, workload_selector=None)])


@fault(AREA, EXTENDED)
def gateway_ignores_rules(config: GatewayConfig) -> GatewayConfig:
    """Gateways use mutual TLS wherever they can, whatever rules say."""

    def automatic(upstream: Upstream) -> Upstream:
        sni = f"outbound_.{upstream.port}_.{upstream.subset}_.{upstream.host}"
        endpoints = tuple(replace(endpoint, mesh=True) for endpoint in upstream.endpoints)
        return replace(upstream, tls=ClientTls(TlsOrigination.AUTO, sni), endpoints=endpoints)

    return replace(config, upstreams=tuple(map(automatic, config.upstreams)))


@fault(AREA, EXTENDED)
def subset_without_policy_of_its_own(policies: Policies) -> Policies:
    """What a rule says of the TLS of a subset is ignored."""

    def bare(subset: Subset) -> Subset:
        return replace(subset, policy=None)

    return _with_rules(
        policies, lambda rule: [replace(rule, subsets=tuple(bare(subset) for subset in rule.subsets))]
    )


def _with_rules(
    policies: Policies, change: Callable[[DestinationRule], Iterable[DestinationRule]]
) -> Policies:
    rules = tuple(new for rule in policies.networking.destination_rules for new in change(rule))
    return replace(policies, networking=replace(policies.networking, destination_rules=rules))


def _with_policies(policies: Policies, change: Callable[[TrafficPolicy], TrafficPolicy]) -> Policies:
    """Another traffic policy for each whole service of which rules say something."""
    nothing = TrafficPolicy(None, {})
    return _with_rules(policies, lambda rule: [replace(rule, policy=change(rule.policy or nothing))])


def _whole(service: str, namespace: str) -> str:
    return fully_qualified(service, namespace)
