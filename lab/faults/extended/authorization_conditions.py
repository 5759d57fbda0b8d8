"""Faults in the conditions under which the rules of an AuthorizationPolicy hold."""

from __future__ import annotations

from dataclasses import replace

from lab.faults.registry import EXTENDED, fault
from lab.faults.rules import with_conditions, with_rules, with_values, without, without_pattern
from lab.faults.trees import messages, with_runtime
from lab.mesh.envoy.resources import Resources
from lab.mesh.model.authorization import Attribute
from lab.mesh.model.proxy_config import ProxyConfig

AREA = "Authorization conditions"

EACH_HEADER = "envoy.reloadable_features.rbac_match_headers_individually"

PSEUDO = ":"
"""With what the names of headers begin that are none."""


@fault(AREA, EXTENDED)
def header_values_ignored(config: ProxyConfig) -> ProxyConfig:
    """A condition on values of a header is one on whether it is there."""
    return with_values(config, Attribute.HEADER, lambda _value: ["*"])


@fault(AREA, EXTENDED)
def several_headers_as_one(resources: Resources) -> Resources:
    """Several headers of a name are one whose value is those of all, with commas between them."""
    return with_runtime(resources, {EACH_HEADER: False})


@fault(AREA, EXTENDED)
def header_patterns_are_text(config: ProxyConfig) -> ProxyConfig:
    """A star at the beginning or the end of a header's value is nothing but a star."""
    return with_values(config, Attribute.HEADER, without_pattern)


@fault(AREA, EXTENDED)
def header_names_in_their_case(resources: Resources) -> Resources:
    """A header whose name is not written in small letters is in no request."""
    for message in messages(resources.listeners):
        match = message.get("header")
        if isinstance(match, dict) and not match["name"].startswith(PSEUDO):
            match["name"] = match["name"] if match["name"].islower() else f"no-{match['name']}"
    return resources


@fault(AREA, EXTENDED)
def first_value_of_a_condition_only(config: ProxyConfig) -> ProxyConfig:
    """Of several values only the first counts."""
    return with_conditions(config, lambda each: (replace(each, values=each.values[:1]),))


@fault(AREA, EXTENDED)
def first_condition_of_a_rule_only(config: ProxyConfig) -> ProxyConfig:
    """Of several conditions of a rule only the first must hold."""
    return with_rules(config, lambda rule: [replace(rule, conditions=rule.conditions[:1])])


@fault(AREA, EXTENDED)
def server_name_ignored(config: ProxyConfig) -> ProxyConfig:
    """It does not matter for which names of servers a rule is."""
    return without(config, Attribute.SNI)
