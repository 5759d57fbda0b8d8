"""Faults of the API of Istio 1.0: which rule a client obeys, and what it makes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from lab.faults.current.strict import strict_answers_403
from lab.faults.istio_1_0.sections import (
    API_SERVER,
    DOCUMENT,
    FROM_LEGACY,
    GLOBALLY,
    SERVICE_SPECIFIC,
    TO_LEGACY,
    WITH_MUTUAL_TLS,
)
from lab.faults.registry import fault
from lab.kube.client import CLUSTER_DOMAIN
from lab.mesh.config.istio_1_0.authentication_policy import Policy, Target
from lab.mesh.config.istio_1_0.policies import Policies
from lab.mesh.config.networking.destination_rule import DestinationRule, TrafficPolicy
from lab.mesh.envoy.resources import Resources
from lab.mesh.model.hosts import matches
from lab.mesh.model.proxy_config import (
    ClientTls,
    GatewayConfig,
    MutualTls,
    SidecarConfig,
    TlsOrigination,
    Upstream,
)

CLEANUP_1 = "Cleanup part 1"

IN_PLAIN_TEXT = ClientTls(TlsOrigination.DISABLE)

Client = SidecarConfig | GatewayConfig
Seen = Policies | GatewayConfig


@fault(GLOBALLY, DOCUMENT)
def wildcard_matches_all(policies: Policies) -> Policies:
    """A rule whose host begins with a star is for every host, whatever comes after the star."""
    return _with(
        policies,
        (replace(each, host="*") if _wild(each) else each for each in policies.networking.destination_rules),
    )


@fault(GLOBALLY, DOCUMENT)
def wildcard_for_one_service(policies: Policies) -> Policies:
    """Of the services of a namespace that have the same port, a rule with a wildcard is for one only."""
    last: dict[tuple[str, int], str] = {}
    for service in policies.registry.services:
        for port in service.ports:
            place = (service.namespace, port.port)
            last[place] = max(last.get(place, ""), service.name)
    found: list[DestinationRule] = []
    for rule in policies.networking.destination_rules:
        hosts = [
            service.host
            for service in policies.registry.services
            if matches(rule.host, service.host)
            and any(last[service.namespace, port.port] == service.name for port in service.ports)
            and not any(other.host == service.host for other in policies.networking.destination_rules)
        ]
        found += [replace(rule, host=host) for host in hosts] if _wild(rule) else [rule]
    return _with(policies, found)


@fault(GLOBALLY, DOCUMENT)
def rule_for_the_first_port(client: Client) -> Client:
    """A rule says only of the first port of a service what its clients do."""
    first: dict[str, int] = {}
    for each in client.upstreams:
        first.setdefault(each.host, each.port)
    return _with_tls(client, lambda each: each.tls if each.port == first[each.host] else IN_PLAIN_TEXT)


@fault(GLOBALLY, DOCUMENT)
def no_certificate_of_ones_own(client: Client) -> Client:
    """A client in mode ISTIO_MUTUAL has no certificate to show: it uses TLS, but not mutual TLS."""
    return _with_tls(
        client,
        lambda upstream: (
            replace(upstream.tls, origination=TlsOrigination.SIMPLE, verify=False)
            if upstream.tls.origination is TlsOrigination.ISTIO_MUTUAL
            else upstream.tls
        ),
    )


@fault(GLOBALLY, DOCUMENT)
def rule_without_tls_keeps_the_namespaces(policies: Policies) -> Policies:
    """A rule that says nothing of TLS does not override that of the namespace, only that of the mesh."""
    of_namespace = {
        rule.host: rule.policy.tls
        for rule in policies.networking.destination_rules
        if _wild(rule) and rule.policy is not None and rule.host.count(".") > 1
    }

    def kept(rule: DestinationRule) -> DestinationRule:
        wider = next((tls for host, tls in of_namespace.items() if matches(host, rule.host)), None)
        if rule.policy is None or rule.policy.tls is not None or wider is None:
            return rule
        return replace(rule, policy=replace(rule.policy, tls=wider))

    return _with(policies, map(kept, policies.networking.destination_rules))


@fault(FROM_LEGACY, DOCUMENT)
def plain_text_is_answered(resources: Resources) -> Resources:
    """Where mutual TLS is required, a request in plain text is answered, with 403."""
    return strict_answers_403(resources)


@fault(FROM_LEGACY, DOCUMENT)
def rule_opens_the_server(policies: Policies) -> Policies:
    """Where a rule has clients use plain text, or says nothing of TLS, servers take plain text as well."""
    opened = [
        Policy(service.namespace, service.name, "", (Target(service.name),), (MutualTls.PERMISSIVE,))
        for service in policies.registry.services
        if (rule := policies.destinations.find(service.host)) is not None
        and _mode(rule) is not TlsOrigination.ISTIO_MUTUAL
        and any(
            found is not None and found.peers
            for found in (policies.policy_for(service, port) for port in service.ports)
        )
    ]
    return replace(policies, policies=(*opened, *policies.policies))


@fault(TO_LEGACY, DOCUMENT)
def plain_text_to_who_has_no_proxy(client: Client) -> Client:
    """Clients use plain text to whoever has no proxy, although a rule says mutual TLS."""
    return _with_tls(
        client,
        lambda upstream: upstream.tls if any(each.mesh for each in upstream.endpoints) else IN_PLAIN_TEXT,
    )


@fault(TO_LEGACY, DOCUMENT)
def plain_text_rule_for_the_whole_namespace(policies: Policies) -> Policies:
    """A rule that turns TLS off for a service turns it off for all services of its namespace."""
    leaked = [
        replace(rule, host=f"*.{rule.host.partition('.')[2]}", created="")
        for rule in policies.networking.destination_rules
        if not _wild(rule) and _mode(rule) is TlsOrigination.DISABLE
    ]
    return _with(policies, (*leaked, *policies.networking.destination_rules))


@fault(API_SERVER, DOCUMENT)
def rule_of_the_api_server_ignored(policies: Policies) -> Policies:
    """A rule for the API server has no effect."""
    host = f"kubernetes.default.svc.{CLUSTER_DOMAIN}"
    return _with(policies, (each for each in policies.networking.destination_rules if each.host != host))


@fault(API_SERVER, DOCUMENT)
def api_server_never_by_mutual_tls(client: Client) -> Client:
    """Clients speak to the API server as it wants, whatever rule there is."""
    host = f"kubernetes.default.svc.{CLUSTER_DOMAIN}"
    return _with_tls(client, lambda upstream: IN_PLAIN_TEXT if upstream.host == host else upstream.tls)


@fault(CLEANUP_1, DOCUMENT)
def rule_outlives_its_deletion() -> Callable[[Policies], Policies]:
    """A DestinationRule that is deleted stays in force, until there is another one for its host."""
    kept: dict[str, DestinationRule] = {}

    def change(policies: Policies) -> Policies:
        kept.update({rule.host: rule for rule in policies.networking.destination_rules})
        return _with(policies, kept.values())

    return change


@fault(SERVICE_SPECIFIC, DOCUMENT)
def port_level_settings_ignored(policies: Policies) -> Policies:
    """What a rule says of a port has no effect: what it says of the service holds."""
    return _with_ports(policies, lambda _traffic: {})


@fault(SERVICE_SPECIFIC, DOCUMENT)
def port_level_settings_leak(policies: Policies) -> Policies:
    """What a rule says of a port holds for all ports of the service."""
    rules = []
    for rule in policies.networking.destination_rules:
        told = next(iter(rule.policy.ports.values()), None) if rule.policy else None
        policy = TrafficPolicy(told, {}) if told else rule.policy
        rules.append(replace(rule, policy=policy))
    return _with(policies, rules)


@fault(WITH_MUTUAL_TLS, DOCUMENT)
def gateway_obeys_no_rule(gateway: GatewayConfig) -> GatewayConfig:
    """The ingress gateway uses plain text, whatever rule there is."""
    return replace(gateway, upstreams=tuple(replace(each, tls=IN_PLAIN_TEXT) for each in gateway.upstreams))


@fault(WITH_MUTUAL_TLS, DOCUMENT)
def gateway_obeys_no_rule_of_a_namespace() -> Callable[[Seen], Seen]:
    """The ingress gateway heeds rules for the mesh and for a service, and none for a namespace."""
    of_namespace: list[DestinationRule] = []

    def change(part: Seen) -> Seen:
        if isinstance(part, Policies):
            of_namespace[:] = [
                each for each in part.networking.destination_rules if _wild(each) and each.host.count(".") > 1
            ]
            return part
        told = [rule.host for rule in of_namespace]
        upstreams = (
            replace(each, tls=IN_PLAIN_TEXT) if any(matches(host, each.host) for host in told) else each
            for each in part.upstreams
        )
        return replace(part, upstreams=tuple(upstreams))

    return change


def _with(policies: Policies, rules: Iterable[DestinationRule]) -> Policies:
    return replace(policies, networking=replace(policies.networking, destination_rules=tuple(rules)))


def _with_ports(policies: Policies, change: Callable[[TrafficPolicy], Mapping[int, None]]) -> Policies:
    return _with(
        policies,
        (
            replace(rule, policy=replace(rule.policy, ports=change(rule.policy))) if rule.policy else rule
            for rule in policies.networking.destination_rules
        ),
    )


def _with_tls(client: Client, change: Callable[[Upstream], ClientTls]) -> Client:
    return replace(client, upstreams=tuple(replace(each, tls=change(each)) for each in client.upstreams))


def _wild(rule: DestinationRule) -> bool:
    return rule.host.startswith("*")


def _mode(rule: DestinationRule) -> TlsOrigination | None:
    tls = rule.policy.tls if rule.policy else None
    return tls.mode if tls is not None else None
