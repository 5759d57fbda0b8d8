"""Faults of the API of Istio 1.0: of which requests a token is asked, and which tokens will do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from lab.faults.istio_1_0.policies import names_by_namespace
from lab.faults.istio_1_0.sections import DOCUMENT, END_USER, WITH_MUTUAL_TLS
from lab.faults.registry import fault
from lab.faults.token_scripts import DECODE
from lab.faults.trees import http_managers, lua, messages
from lab.mesh.config.istio_1_0.authentication_policy import DEFAULT, Policy, PortSelector, Target
from lab.mesh.config.istio_1_0.policies import Policies
from lab.mesh.config.key_source import NO_KEYS
from lab.mesh.envoy import jwt, token_check
from lab.mesh.envoy.resources import Resources
from lab.mesh.model.proxy_config import GatewayConfig, InboundPort, MutualTls, SidecarConfig

CLEANUP_3 = "Cleanup part 3"

JUDGE = "reference-mesh.judge_token"


@fault(END_USER, DOCUMENT)
def get_alone_needs_a_token(resources: Resources) -> Resources:
    """A token is asked of requests of method GET only."""
    return _let_pass(resources, 'headers:get(":method") ~= "GET"')


@fault(END_USER, DOCUMENT)
def no_token_with_a_query(resources: Resources) -> Resources:
    """No token is asked of a request whose path has a query behind it."""
    return _let_pass(resources, 'headers:get(":path"):find("?", 1, true)')


@fault(END_USER, DOCUMENT)
def no_token_on_other_paths(resources: Resources) -> Resources:
    """A token is asked only on paths without a slash in them but the first."""
    return _let_pass(resources, 'headers:get(":path"):find("^/.*/")')


@fault(END_USER, DOCUMENT)
def token_on_the_first_port(policies: Policies) -> Policies:
    """A policy asks for tokens on the first port of its service, and lets everybody in on the others."""
    # A gateway's first port is not one of those that take requests.
    first = {
        (each.namespace, each.name): each.ports[0].port
        for each in policies.registry.services
        if each.namespace != policies.registry.root_namespace
    }

    def narrowed(target: Target, namespace: str) -> Target:
        port = first.get((namespace, target.service))
        return target if port is None else replace(target, ports=(PortSelector(port, None),))

    def asking(policy: Policy) -> Policy:
        if not policy.origins:
            return policy
        return replace(policy, targets=tuple(narrowed(each, policy.namespace) for each in policy.targets))

    return replace(policies, policies=tuple(map(asking, policies.policies)))


@fault(END_USER, DOCUMENT)
def tokens_for_the_whole_namespace(policies: Policies) -> Policies:
    """A policy for a service that asks for tokens asks for them at all services of its namespace."""
    named = names_by_namespace(policies.registry)

    def leaking(policy: Policy) -> Policy:
        others = named.get(policy.namespace, []) if policy.origins and policy.targets else []
        return replace(policy, targets=(*policy.targets, *map(Target, others)))

    return replace(policies, policies=tuple(map(leaking, policies.policies)))


@fault(END_USER, DOCUMENT)
def sidecars_ask_for_no_token(sidecar: SidecarConfig) -> SidecarConfig:
    """Policies ask for tokens at gateways only, and not in front of services."""
    return _with_ports(sidecar, lambda port: replace(port, tokens=None))


@fault(END_USER, DOCUMENT)
def gateways_ask_for_no_token(gateway: GatewayConfig) -> GatewayConfig:
    """A policy for the ingress gateway has no effect."""
    return replace(gateway, listeners=tuple(replace(each, tokens=None) for each in gateway.listeners))


@fault(END_USER, DOCUMENT)
def gateways_policy_leaks(policies: Policies) -> Policies:
    """A policy for the ingress gateway holds for all services as well."""
    root = policies.registry.root_namespace
    leaked = [
        replace(each, namespace="", name=DEFAULT, targets=())
        for each in policies.policies
        if each.namespace == root
    ]
    return replace(policies, mesh_policies=(*policies.mesh_policies, *leaked))


@fault(END_USER, DOCUMENT)
def gateway_routes_nothing(gateway: GatewayConfig) -> GatewayConfig:
    """The ingress gateway knows nobody to whom it could pass a request."""
    return replace(gateway, listeners=tuple(replace(each, virtual_hosts=()) for each in gateway.listeners))


@fault(END_USER, DOCUMENT)
def keys_never_had(policies: Policies) -> Policies:
    """The keys of an issuer are never had, so that none of its tokens is valid."""
    return replace(policies, key_sets=NO_KEYS)


@fault(END_USER, DOCUMENT)
def signatures_unchecked(resources: Resources) -> Resources:
    """What a token says is believed, whoever has signed it."""
    for manager in http_managers(resources.listeners):
        names = [each["name"] for each in manager["http_filters"]]
        if JUDGE in names:
            manager["http_filters"].insert(names.index(JUDGE), lua("tokens", BELIEVING))
    return resources


@fault(CLEANUP_3, DOCUMENT)
def token_policy_outlives_its_deletion() -> Callable[[Policies], Policies]:
    """A Policy that asks for tokens stays in force when it is deleted, until there is another one there."""
    kept: dict[str, list[Policy]] = {}

    def change(policies: Policies) -> Policies:
        now: dict[str, list[Policy]] = {}
        for policy in policies.policies:
            now.setdefault(policy.namespace, []).append(policy)
        kept.update({space: [each for each in found if each.origins] for space, found in now.items()})
        gone = [each for space, found in kept.items() if space not in now for each in found]
        return replace(policies, policies=(*policies.policies, *gone))

    return change


@fault(WITH_MUTUAL_TLS, DOCUMENT)
def mutual_tls_replaces_tokens(sidecar: SidecarConfig) -> SidecarConfig:
    """Whoever comes with mutual TLS is asked for no token."""
    return _with_ports(
        sidecar, lambda port: replace(port, tokens=None) if port.mode is MutualTls.STRICT else port
    )


@fault(WITH_MUTUAL_TLS, DOCUMENT)
def tokens_replace_mutual_tls(sidecar: SidecarConfig) -> SidecarConfig:
    """Where a token is asked for, mutual TLS is not: plain text gets in with a token."""
    return _with_ports(
        sidecar,
        lambda port: (
            replace(port, mode=MutualTls.PERMISSIVE)
            if port.tokens is not None and port.mode is MutualTls.STRICT
            else port
        ),
    )


BELIEVING = f"""{DECODE}
local function claim(claims, name)
  return claims:match('"' .. name .. '" *: *"([^"]*)"')
end
function envoy_on_request(handle)
  local token = handle:headers():get("{token_check.HEADER}") or ""
  local payload = token:match("^[%w_-]+%.([%w_-]+)%.[%w_-]*$")
  if not payload then return end
  local claims = decode(payload)
  local found = {{
    iss = claim(claims, "iss"), aud = claim(claims, "aud"), exp = tonumber(claims:match('"exp" *: *(%d+)'))
  }}
  handle:streamInfo():dynamicMetadata():set("{jwt.NAME}", "{jwt.PAYLOAD}", found)
end
"""


def _let_pass(resources: Resources, condition: str) -> Resources:
    """Lets requests pass, whose `headers` satisfy a condition, before they are judged."""
    wrapper = f"""
local judge = envoy_on_request
function envoy_on_request(handle)
  local headers = handle:headers()
  if not ({condition}) then judge(handle) end
end
"""
    for message in messages(resources.listeners):
        source = message.get("default_source_code", {})
        if source.get("inline_string") == token_check.JUDGE_TOKEN:
            source["inline_string"] += wrapper
    return resources


def _with_ports(sidecar: SidecarConfig, change: Callable[[InboundPort], InboundPort]) -> SidecarConfig:
    ports = tuple(map(change, sidecar.inbound.ports))
    return replace(sidecar, inbound=replace(sidecar.inbound, ports=ports))
