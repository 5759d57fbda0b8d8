"""Faults of *only*: what must hold for one workload, port, path, host or gateway holds for others as well."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from lab.faults.current.access import with_deny_rules
from lab.faults.current.scopes import bound_ports
from lab.faults.current.sections import END_USER, PER_PATH, PER_WORKLOAD, PRECEDENCE
from lab.faults.registry import fault
from lab.faults.trees import http_managers, lua, messages
from lab.mesh.config.current.attachment import Attachment, Target
from lab.mesh.config.current.authorization_policy import AuthorizationPolicy
from lab.mesh.config.current.peer_authentication import PeerAuthentication
from lab.mesh.config.current.policies import Policies
from lab.mesh.config.current.request_authentication import RequestAuthentication
from lab.mesh.config.gateway_api.gateways import NAME_LABEL
from lab.mesh.envoy import jwt
from lab.mesh.envoy.resources import Resources
from lab.mesh.model.authorization import Attribute, AuthorizationRule, Conjunction
from lab.mesh.model.proxy_config import ProxyConfig, SidecarConfig, Upstream
from lab.mesh.workloads.service_registry import ServiceRegistry, Workload

Policy = TypeVar("Policy", RequestAuthentication, AuthorizationPolicy)

OTHER_CREDENTIALS = """
function envoy_on_request(handle)
  local credentials = handle:headers():get("authorization")
  if credentials and credentials:sub(1, 7) ~= "Bearer " then
    handle:respond({[":status"] = "401"}, "")
  end
end
"""


@fault(PER_WORKLOAD)
def port_level_on_all_ports(policies: Policies) -> Policies:
    """`portLevelMtls` of one port holds for every port of the workload."""

    def widened(policy: PeerAuthentication) -> PeerAuthentication:
        known = bound_ports(policy, policies.registry)
        modes = [mode for port, mode in policy.port_modes.items() if port in known]
        return replace(policy, mode=modes[0], port_modes={}) if modes else policy

    return replace(policies, peer_authentications=tuple(map(widened, policies.peer_authentications)))


@fault(PER_WORKLOAD)
def port_level_on_all_ports_for_clients(config: SidecarConfig) -> SidecarConfig:
    """Clients send plain text to every port of a service of which one port does not take mutual TLS."""
    plain = {each.host for each in config.upstreams if _takes_plain_text_only(each)}
    return _with_plain_text(config, lambda upstream: upstream.host in plain)


@fault(PRECEDENCE)
def disabled_in_the_namespace_for_clients(config: SidecarConfig) -> SidecarConfig:
    """Clients send plain text to every service of a namespace of which one does not take mutual TLS."""
    mutual = {each.host for each in config.upstreams if not _takes_plain_text_only(each)}
    plain = {_namespace(each) for each in config.upstreams if each.host not in mutual}
    return _with_plain_text(config, lambda upstream: _namespace(upstream) in plain)


@fault(PRECEDENCE)
def workload_policy_frees_its_namespace(policies: Policies) -> Policies:
    """Where one workload has a policy of its own, that of its namespace holds for none of the others."""
    ruled = {each.namespace for each in policies.peer_authentications if each.selector}
    kept = [each for each in policies.peer_authentications if each.selector or each.namespace not in ruled]
    return replace(policies, peer_authentications=tuple(kept))


@fault(END_USER)
def gateway_policy_on_all_gateways(policies: Policies) -> Policies:
    """A policy for one gateway holds for the others as well."""
    return replace(
        policies,
        request_authentications=_for_all_gateways(policies.request_authentications, policies.registry),
        authorizations=_for_all_gateways(policies.authorizations, policies.registry),
    )


@fault(END_USER)
def other_credentials_are_bad_tokens(resources: Resources) -> Resources:
    """Credentials of another kind (`Authorization: Basic`) are refused like an invalid bearer token."""
    for manager in http_managers(resources.listeners):
        filters = manager["http_filters"]
        if any(each["name"] == jwt.NAME for each in filters):
            filters.insert(0, lua("credentials", OTHER_CREDENTIALS))
    return resources


@fault(PER_PATH)
def deny_path_in_any_case(resources: Resources) -> Resources:
    """A rule for a path is one for the same letters in upper or lower case."""
    for message in messages(resources.listeners):
        if "url_path" in message:
            message["url_path"]["path"]["ignore_case"] = True
    return resources


@fault(PER_PATH)
def deny_path_as_suffix(config: ProxyConfig) -> ProxyConfig:
    """A rule for a path is one for everything that ends with it."""
    return with_deny_rules(config, _with_paths(lambda path: (f"*{path}",)))


@fault(PER_PATH)
def deny_path_with_a_slash_behind(config: ProxyConfig) -> ProxyConfig:
    """A rule for a path is one for the same with a slash behind."""
    return with_deny_rules(config, _with_paths(lambda path: (path, f"{path}/")))


@fault(PER_PATH)
def deny_on_all_hosts(config: ProxyConfig) -> ProxyConfig:
    """A rule for some hosts is one for all of them."""
    return with_deny_rules(config, _without(Attribute.HOST))


@fault(PER_PATH)
def deny_with_all_methods(config: ProxyConfig) -> ProxyConfig:
    """A rule for some methods is one for all of them."""
    return with_deny_rules(config, _without(Attribute.METHOD))


def _with_paths(change: Callable[[str], tuple[str, ...]]) -> Callable[[AuthorizationRule], AuthorizationRule]:
    def widened(operation: Conjunction) -> Conjunction:
        return tuple(
            replace(each, values=tuple(path for value in each.values for path in change(value)))
            if each.attribute is Attribute.PATH
            else each
            for each in operation
        )

    return lambda rule: replace(rule, operations=tuple(map(widened, rule.operations)))


def _without(attribute: Attribute) -> Callable[[AuthorizationRule], AuthorizationRule]:
    def widened(rule: AuthorizationRule) -> AuthorizationRule:
        kept = [
            tuple(each for each in operation if each.attribute is not attribute)
            for operation in rule.operations
        ]
        return replace(rule, operations=tuple(kept) if all(kept) else ())

    return widened


def _takes_plain_text_only(upstream: Upstream) -> bool:
    """Whether it is known of no instance, of those there are, that it takes mutual TLS."""
    return bool(upstream.endpoints) and not any(each.mesh for each in upstream.endpoints)


def _with_plain_text(config: SidecarConfig, wanted: Callable[[Upstream], bool]) -> SidecarConfig:
    def changed(upstream: Upstream) -> Upstream:
        if not wanted(upstream):
            return upstream
        endpoints = tuple(replace(each, mesh=False) for each in upstream.endpoints)
        return replace(upstream, endpoints=endpoints)

    return replace(config, upstreams=tuple(map(changed, config.upstreams)))


def _namespace(upstream: Upstream) -> str:
    return upstream.host.split(".")[1]


def _for_all_gateways(policies: tuple[Policy, ...], registry: ServiceRegistry) -> tuple[Policy, ...]:
    """With a copy of each policy that is for a gateway for every other one."""
    gateways = [each for each in registry.workloads if each.gateway]

    def concerns(policy: Policy, gateway: Workload) -> bool:
        target = Target(gateway.namespace, gateway.labels, gateway.labels.get(NAME_LABEL))
        return policy.attachment.includes(target, policy.namespace, registry.root_namespace)

    def copied(policy: Policy, gateway: Workload) -> Policy:
        return replace(
            policy,
            namespace=gateway.namespace,
            name=f"{policy.name}~{gateway.name}",
            attachment=Attachment(selector=gateway.labels),
        )

    widened: list[Policy] = list(policies)
    for policy in policies:
        if any(concerns(policy, each) for each in gateways):
            widened += [copied(policy, each) for each in gateways if not concerns(policy, each)]
    return tuple(widened)
