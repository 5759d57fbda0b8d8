"""Faults of *all*: what must hold for all workloads, pods, ports, requests or services holds for some."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from lab.faults.current.access import with_deny_rules
from lab.faults.current.scopes import LATEST
from lab.faults.current.sections import NAMESPACE_WIDE, PER_WORKLOAD, STRICT_MODE
from lab.faults.current.strict import weakened
from lab.faults.registry import fault
from lab.faults.trees import http_managers, inbound_chains, messages
from lab.mesh.config.current.peer_authentication import PeerAuthentication
from lab.mesh.config.current.policies import Policies
from lab.mesh.envoy.proto import Message, typed
from lab.mesh.envoy.resources import Resources
from lab.mesh.model.authorization import Attribute, AuthorizationRule, Condition
from lab.mesh.model.proxy_config import (
    ClientTls,
    MutualTls,
    ProxyConfig,
    SidecarConfig,
    TlsOrigination,
    Upstream,
)

GET = Condition(Attribute.METHOD, ("GET",))


@fault(STRICT_MODE)
def mesh_policy_misses_a_workload(policies: Policies) -> Policies:
    """The mesh-wide policy misses one workload of each namespace, the first by name."""
    root = policies.registry.root_namespace
    of_their_own = {each.namespace for each in policies.peer_authentications if not each.selector}
    if root not in of_their_own:
        return policies
    return _with_exceptions(policies, {each.namespace for each in policies.registry.workloads} - of_their_own)


@fault(NAMESPACE_WIDE)
def namespace_policy_misses_a_workload(policies: Policies) -> Policies:
    """A namespace-wide policy misses one workload of its namespace, the first by name."""
    of_their_own = {each.namespace for each in policies.peer_authentications if not each.selector}
    return _with_exceptions(policies, of_their_own - {policies.registry.root_namespace})


@fault(STRICT_MODE)
def strict_on_one_port_only(config: SidecarConfig) -> SidecarConfig:
    """STRICT is enforced on the first port of a workload: its other ports still take plain text."""
    inbound = config.inbound
    first = min((port.port for port in inbound.ports if port.bound), default=None)
    ports = tuple(
        replace(port, mode=weakened(port.mode)) if port.bound and port.port != first else port
        for port in inbound.ports
    )
    return replace(config, inbound=replace(inbound, ports=ports))


@fault(PER_WORKLOAD)
def strict_on_one_pod_only() -> Callable[[SidecarConfig], SidecarConfig]:
    """Of several pods of a workload one enforces STRICT: the others still take plain text."""
    first: dict[tuple[str, str], str] = {}

    def change(config: SidecarConfig) -> SidecarConfig:
        workload = (config.namespace, config.identity.service_account)
        if first.setdefault(workload, config.uid) == config.uid:
            return config
        inbound = config.inbound
        ports = tuple(replace(port, mode=weakened(port.mode)) for port in inbound.ports)
        return replace(
            config,
            inbound=replace(inbound, ports=ports, default_mode=weakened(inbound.default_mode)),
        )

    return change


@fault("Auto mutual TLS")
def mutual_tls_to_one_port_only(config: SidecarConfig) -> SidecarConfig:
    """Clients send mutual TLS to the first port of a service, and plain text to its other ports."""
    first: dict[str, int] = {}
    for upstream in config.upstreams:
        first[upstream.host] = min(upstream.port, first.get(upstream.host, upstream.port))

    def changed(upstream: Upstream) -> Upstream:
        if upstream.port == first[upstream.host] or upstream.tls.origination is not TlsOrigination.AUTO:
            return upstream
        return replace(upstream, tls=ClientTls(TlsOrigination.DISABLE))

    return replace(config, upstreams=tuple(map(changed, config.upstreams)))


@fault("Auto mutual TLS")
def xfcc_on_one_port_only(resources: Resources) -> Resources:
    """On the ports of a workload but the first one the application is not told who the client is."""
    chains = inbound_chains(resources)
    ports = {
        port for chain in chains if (port := chain["filter_chain_match"].get("destination_port")) is not None
    }
    for chain in chains:
        if chain["filter_chain_match"].get("destination_port") in ports - {min(ports, default=0)}:
            for manager in http_managers(chain):
                manager["forward_client_cert_details"] = "SANITIZE"
    return resources


@fault("End-user authentication")
def tokens_of_get_only(resources: Resources) -> Resources:
    """Tokens are looked at where a request reads (GET); with any other method a bad one gets in."""
    for message in messages(resources.listeners):
        if "providers" in message:
            for rule in message["rules"]:
                rule["match"]["headers"] = [{"name": ":method", "string_match": {"exact": "GET"}}]
    return resources


@fault("End-user authentication")
def gateway_policies_for_one_host_only(resources: Resources) -> Resources:
    """A gateway's policies hold for the service without a host name of its own, and for no other one."""
    off = typed("envoy.config.route.v3.FilterConfig", disabled=True)
    checking = {
        each["name"]
        for manager in http_managers(resources.listeners)
        for each in manager["http_filters"]
        if "jwt_authn" in each["name"] or "rbac" in each["name"]
    }
    for host in _virtual_hosts(resources.routes.values()):
        if "*" not in host["domains"] and checking:
            host["typed_per_filter_config"] = dict.fromkeys(checking, off)
    return resources


@fault("Require a valid token")
def deny_get_only(config: ProxyConfig) -> ProxyConfig:
    """What is to be denied is denied where a request reads (GET), and let through with any other method."""

    def narrowed(rule: AuthorizationRule) -> AuthorizationRule:
        return replace(rule, operations=tuple((*each, GET) for each in rule.operations or ((),)))

    return with_deny_rules(config, narrowed)


def _with_exceptions(policies: Policies, namespaces: Iterable[str]) -> Policies:
    """With a policy for the first workload of each namespace that gives way to those which select it."""
    exceptions = []
    for namespace in sorted(namespaces):
        workloads = [each for each in policies.registry.workloads if each.namespace == namespace]
        if not workloads:
            continue
        labels = min((each.labels for each in workloads), key=lambda each: each.get("app", ""))
        exceptions.append(
            PeerAuthentication(
                namespace=namespace,
                name="fault",
                created=LATEST,
                selector=labels,
                mode=MutualTls.PERMISSIVE,
                port_modes={},
            )
        )
    return replace(policies, peer_authentications=(*policies.peer_authentications, *exceptions))


def _virtual_hosts(tables: Iterable[Message]) -> Iterable[Message]:
    return [host for table in tables for host in table["virtual_hosts"]]
