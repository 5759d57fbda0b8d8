"""Faults of AuthorizationPolicy that the documents do not show."""

from __future__ import annotations

from dataclasses import replace

from lab.faults.registry import EXTENDED, fault
from lab.faults.rules import with_authorization, with_rules, with_values, without
from lab.faults.trees import messages
from lab.mesh.config.current.authorization_policy import Action
from lab.mesh.config.current.policies import Policies
from lab.mesh.envoy.resources import Resources
from lab.mesh.model.authorization import Attribute
from lab.mesh.model.proxy_config import ProxyConfig

AREA = "Authorization"

NOBODYS = "/nobody/asks/for/this"
"""In the place of a path that must not match."""


@fault(AREA, EXTENDED)
def no_rules_allow_everything(config: ProxyConfig) -> ProxyConfig:
    """A policy that allows, and has no rules, allows everything."""
    return with_authorization(config, lambda found: replace(found, allow=found.allow or None))


@fault(AREA, EXTENDED)
def empty_rule_is_for_nobody(config: ProxyConfig) -> ProxyConfig:
    """A rule without conditions is met by no request."""
    return with_rules(
        config, lambda rule: [rule] if rule.sources or rule.operations or rule.conditions else []
    )


@fault(AREA, EXTENDED)
def newest_policy_alone_allows(policies: Policies) -> Policies:
    """Of several policies that allow, only the newest of each namespace does."""
    allowing = (each for each in policies.authorizations if each.action is Action.ALLOW)
    newest = {each.namespace: each for each in sorted(allowing, key=lambda each: each.age)}
    kept = (
        each
        for each in policies.authorizations
        if each.action is not Action.ALLOW or each is newest[each.namespace]
    )
    return replace(policies, authorizations=tuple(kept))


@fault(AREA, EXTENDED)
def first_rule_of_a_policy_only(policies: Policies) -> Policies:
    """Of the rules of a policy only the first counts."""
    return replace(
        policies,
        authorizations=tuple(replace(each, rules=each.rules[:1]) for each in policies.authorizations),
    )


@fault(AREA, EXTENDED)
def one_field_of_an_operation_is_enough(config: ProxyConfig) -> ProxyConfig:
    """An operation is met if one of its fields is: a path with any method, and the method with any path."""
    return with_rules(
        config,
        lambda rule: [
            replace(rule, operations=tuple((each,) for fields in rule.operations for each in fields))
        ],
    )


@fault(AREA, EXTENDED)
def methods_ignored(config: ProxyConfig) -> ProxyConfig:
    """It does not matter for which methods a rule is."""
    return without(config, Attribute.METHOD)


@fault(AREA, EXTENDED)
def path_patterns_are_text(config: ProxyConfig) -> ProxyConfig:
    """A star at the beginning or the end of a path is nothing but a star."""
    return with_values(
        config, Attribute.PATH, lambda path: [NOBODYS if path[0] == "*" or path[-1] == "*" else path]
    )


@fault(AREA, EXTENDED)
def path_template_of_one_is_of_many(config: ProxyConfig) -> ProxyConfig:
    """A part {*} at the end of a path stands for any number of segments."""
    return with_values(
        config, Attribute.PATH, lambda path: [f"{path[:-3]}{{**}}" if path.endswith("/{*}") else path]
    )


@fault(AREA, EXTENDED)
def path_template_of_many_is_of_one(config: ProxyConfig) -> ProxyConfig:
    """A part {**} of a path stands for one segment."""
    return with_values(config, Attribute.PATH, lambda path: [path.replace("{**}", "{*}")])


@fault(AREA, EXTENDED)
def hosts_in_their_case(resources: Resources) -> Resources:
    """A host is matched in the case in which the rule has it."""
    for message in messages(resources.listeners):
        if message.get("name") == ":authority" and "string_match" in message:
            message["string_match"].pop("ignore_case", None)
    return resources


@fault(AREA, EXTENDED)
def host_with_any_port(config: ProxyConfig) -> ProxyConfig:
    """A host of a rule is that host with any port behind it, too."""
    return with_values(config, Attribute.HOST, lambda host: [host, f"{host}:*"])


@fault(AREA, EXTENDED)
def dry_run_in_earnest(policies: Policies) -> Policies:
    """A policy that is only to be tried out is enforced."""
    return replace(
        policies,
        authorizations=tuple(replace(each, dry_run=False) for each in policies.authorizations),
    )


@fault(AREA, EXTENDED)
def headers_ignored(config: ProxyConfig) -> ProxyConfig:
    """It does not matter for which values of a header a rule is."""
    return without(config, Attribute.HEADER)


@fault(AREA, EXTENDED)
def ip_blocks_ignored(config: ProxyConfig) -> ProxyConfig:
    """It does not matter from which addresses a rule is for requests."""
    return without(config, Attribute.SOURCE_IP)


@fault(AREA, EXTENDED)
def unknown_provider_not_asked(config: ProxyConfig) -> ProxyConfig:
    """Where an authorizer is to be asked that does not exist, nobody is asked."""
    return with_authorization(config, lambda found: replace(found, custom=()))
