"""Faults of PeerAuthentication, and of what clients make of it, that the documents do not show."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace

from lab.faults.registry import EXTENDED, fault
from lab.faults.trees import http_managers, inbound_chains, takes_mutual_tls
from lab.faults.views import partial, unreviewed, writing
from lab.kube.client import Client, Object
from lab.mesh.config.current import peer_authentication
from lab.mesh.config.current.peer_authentication import PeerAuthentication
from lab.mesh.config.current.policies import Policies
from lab.mesh.config.networking.destination_rule import DestinationRule
from lab.mesh.envoy.resources import Resources
from lab.mesh.model.proxy_config import (
    ClientTls,
    GatewayConfig,
    MutualTls,
    SidecarConfig,
    TlsOrigination,
    Upstream,
)

AREA = "Peer authentication"


@fault(AREA, EXTENDED)
def root_selector_honoured(policies: Policies) -> Policies:
    """A policy of the root namespace with a selector holds for workloads of its labels in the whole mesh."""
    root = policies.registry.root_namespace
    namespaces = {workload.namespace for workload in policies.registry.workloads} - {root}
    spread = (
        replace(policy, namespace=namespace)
        for policy in policies.peer_authentications
        if policy.namespace == root and policy.selector
        for namespace in sorted(namespaces)
    )
    return replace(policies, peer_authentications=(*policies.peer_authentications, *spread))


@fault(AREA, EXTENDED)
def unset_is_permissive(policies: Policies) -> Policies:
    """A policy without a mode makes its workloads PERMISSIVE, whatever the policies above it say."""
    return _each(policies, lambda policy: replace(policy, mode=policy.mode or MutualTls.PERMISSIVE))


@fault(AREA, EXTENDED)
def unset_port_is_permissive(policies: Policies) -> Policies:
    """A port whose mode is UNSET is PERMISSIVE, whatever the mode of its workload."""
    return _each(
        policies,
        lambda policy: replace(
            policy,
            port_modes={port: mode or MutualTls.PERMISSIVE for port, mode in policy.port_modes.items()},
        ),
    )


@fault(AREA, EXTENDED)
def ports_of_a_namespace(part: Client | Policies) -> Client | Policies:
    """What a policy without a selector says of ports holds for these ports of its namespace."""
    if not isinstance(part, Policies):
        return writing(unreviewed(part, (peer_authentication.KEY,)), _without_rules_of_the_whole)
    spread = (
        replace(policy, name=f"{policy.name}~{workload.name}", selector=dict(workload.labels))
        for policy in part.peer_authentications
        if policy.port_modes and not policy.selector
        for workload in part.registry.workloads
        if workload.namespace == policy.namespace
    )
    return replace(part, peer_authentications=(*part.peer_authentications, *spread))


@fault(AREA, EXTENDED)
def empty_selector_chooses_nobody(cluster: Client) -> Client:
    """A policy whose selector is there, and empty, is for no workload."""
    return partial(
        cluster, peer_authentication.KEY, lambda policy: policy.get("spec", {}).get("selector") != {}
    )


@fault(AREA, EXTENDED)
def one_label_is_enough(policies: Policies) -> Policies:
    """A selector chooses every workload that has one of its labels."""
    each = (
        replace(policy, selector=selector, name=f"{policy.name}~{number}")
        for policy in policies.peer_authentications
        for number, selector in enumerate([{key: value} for key, value in policy.selector.items()] or [{}])
    )
    return replace(policies, peer_authentications=tuple(each))


@fault(AREA, EXTENDED)
def permissive_serves_tls(resources: Resources) -> Resources:
    """A PERMISSIVE port of HTTP takes any TLS, also of clients that have no certificate."""
    for chain in inbound_chains(resources):
        # Only where one chain is for mutual TLS: Envoy refuses two that match the same.
        alone = takes_mutual_tls(chain) and http_managers(chain) and chain["name"].endswith("-mtls")
        if alone and chain["filter_chain_match"].pop("application_protocols", None):
            context = chain["transport_socket"]["typed_config"]
            context["require_client_certificate"] = False
            context["common_tls_context"]["combined_validation_context"]["default_validation_context"] = {}
    return resources


@fault(AREA, EXTENDED)
def clients_know_of_strict_workloads(config: SidecarConfig) -> SidecarConfig:
    """Clients use mutual TLS with a workload that takes it, although its namespace has it disabled."""

    def upgraded(upstream: Upstream) -> Upstream:
        if upstream.tls.origination is not TlsOrigination.DISABLE or not any(
            each.mesh for each in upstream.endpoints
        ):
            return upstream
        sni = f"outbound_.{upstream.port}_._.{upstream.host}"
        return replace(upstream, tls=ClientTls(TlsOrigination.AUTO, sni=sni))

    return replace(config, upstreams=tuple(map(upgraded, config.upstreams)))


@fault(AREA, EXTENDED)
def mutual_tls_of_a_rule_is_a_wish(policies: Policies) -> Policies:
    """A client that a DestinationRule tells to use mutual TLS sends plain text where it is disabled."""

    def automatic(rule: DestinationRule) -> DestinationRule:
        tls = rule.policy.tls if rule.policy else None
        wish = tls is not None and tls.mode is TlsOrigination.ISTIO_MUTUAL
        return replace(rule, policy=None) if wish else rule

    networking = policies.networking
    rules = tuple(map(automatic, networking.destination_rules))
    return replace(policies, networking=replace(networking, destination_rules=rules))


@fault(AREA, EXTENDED)
def gateway_sends_plain_text(config: GatewayConfig) -> GatewayConfig:
    """Gateways send plain text to every workload."""
    plain = ClientTls(TlsOrigination.DISABLE)
    return replace(config, upstreams=tuple(replace(each, tls=plain) for each in config.upstreams))


def _without_rules_of_the_whole(obj: Object) -> Object:
    """The definition of PeerAuthentication without rules for the whole of its spec."""
    if obj["metadata"]["name"] != f"{peer_authentication.KEY.plural}.{peer_authentication.KEY.group}":
        return obj
    free = copy.deepcopy(obj)
    for version in free["spec"]["versions"]:
        version["schema"]["openAPIV3Schema"]["properties"]["spec"].pop("x-kubernetes-validations", None)
    return free


def _each(policies: Policies, change: Callable[[PeerAuthentication], PeerAuthentication]) -> Policies:
    return replace(policies, peer_authentications=tuple(map(change, policies.peer_authentications)))
