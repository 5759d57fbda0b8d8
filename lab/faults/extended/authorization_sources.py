"""Faults in whose requests the rules of an AuthorizationPolicy are for."""

from __future__ import annotations

from dataclasses import replace

from lab.faults.registry import EXTENDED, fault
from lab.faults.rules import with_conditions, with_rules, with_values, without, without_pattern
from lab.faults.trees import messages
from lab.mesh.envoy.resources import Resources
from lab.mesh.model.authorization import Attribute, Condition, Conjunction
from lab.mesh.model.proxy_config import ProxyConfig

AREA = "Authorization sources"

ACCOUNT = ")sa/"
"""Before the name, in the expression of an identity."""


@fault(AREA, EXTENDED)
def principal_of_its_namespace(config: ProxyConfig) -> ProxyConfig:
    """A principal is every service account of its namespace."""
    return with_values(
        config,
        Attribute.PRINCIPAL,
        lambda value: [f"{value.partition('/sa/')[0]}/*" if "/sa/" in value else value],
    )


@fault(AREA, EXTENDED)
def scheme_of_a_principal_left_out(config: ProxyConfig) -> ProxyConfig:
    """A principal that is written with spiffe:// is the one without."""
    return with_values(config, Attribute.PRINCIPAL, lambda value: [value.removeprefix("spiffe://")])


@fault(AREA, EXTENDED)
def principal_patterns_are_text(config: ProxyConfig) -> ProxyConfig:
    """A star at the beginning or the end of a principal is nothing but a star."""
    return with_values(config, Attribute.PRINCIPAL, without_pattern)


@fault(AREA, EXTENDED)
def no_identity_is_excluded(config: ProxyConfig) -> ProxyConfig:
    """A rule that excludes some clients is for none that has no identity."""
    somebody = Condition(Attribute.PRINCIPAL, ("*",))

    def changed(condition: Condition) -> Conjunction:
        about_identity = condition.attribute in (Attribute.PRINCIPAL, Attribute.NAMESPACE)
        return (condition, somebody) if condition.negated and about_identity else (condition,)

    return with_conditions(config, changed)


@fault(AREA, EXTENDED)
def namespace_by_its_beginning(config: ProxyConfig) -> ProxyConfig:
    """A namespace of a rule is every one that begins so."""
    return with_values(config, Attribute.NAMESPACE, lambda value: [value, f"{value}*"])


@fault(AREA, EXTENDED)
def namespace_patterns_are_text(config: ProxyConfig) -> ProxyConfig:
    """A star at the end of a namespace is nothing but a star."""
    return with_values(config, Attribute.NAMESPACE, without_pattern)


@fault(AREA, EXTENDED)
def dots_of_service_accounts_are_patterns(resources: Resources) -> Resources:
    """A dot in the name of a service account stands for any letter."""
    for message in messages(resources.listeners):
        expression = message.get("regex")
        if isinstance(expression, str) and ACCOUNT in expression:
            message["regex"] = expression.replace(r"\.", ".")
    return resources


@fault(AREA, EXTENDED)
def service_account_of_any_namespace(config: ProxyConfig) -> ProxyConfig:
    """A service account of a rule is one of that name in any namespace."""

    def changed(condition: Condition) -> Conjunction:
        if condition.attribute is not Attribute.SERVICE_ACCOUNT:
            return (condition,)
        named = tuple(f"*/sa/{value.rpartition('/')[2]}" for value in condition.values)
        return (replace(condition, attribute=Attribute.PRINCIPAL, values=named),)

    return with_conditions(config, changed)


@fault(AREA, EXTENDED)
def trust_domains_ignored(config: ProxyConfig) -> ProxyConfig:
    """It does not matter for which trust domains a rule is."""
    return without(config, Attribute.TRUST_DOMAIN)


@fault(AREA, EXTENDED)
def one_field_of_a_source_is_enough(config: ProxyConfig) -> ProxyConfig:
    """A request is from a source if one of its fields is met."""
    return with_rules(
        config,
        lambda rule: [replace(rule, sources=tuple((each,) for fields in rule.sources for each in fields))],
    )


@fault(AREA, EXTENDED)
def first_source_of_a_rule_only(config: ProxyConfig) -> ProxyConfig:
    """Of several sources of a rule only the first counts."""
    return with_rules(config, lambda rule: [replace(rule, sources=rule.sources[:1])])


@fault(AREA, EXTENDED)
def ip_blocks_by_forwarded_address(config: ProxyConfig) -> ProxyConfig:
    """Whoever says so in X-Forwarded-For is at any address."""
    return _taken_for(config, Attribute.SOURCE_IP, Attribute.REMOTE_IP)


@fault(AREA, EXTENDED)
def remote_address_is_of_the_packet(config: ProxyConfig) -> ProxyConfig:
    """The remote address is where packets come from, whoever else forwarded the request."""
    return _taken_for(config, Attribute.REMOTE_IP, Attribute.SOURCE_IP)


@fault(AREA, EXTENDED)
def any_request_principal_at_workloads(config: ProxyConfig) -> ProxyConfig:
    """A rule for one principal of a request is for every request that has one."""
    return with_values(config, Attribute.REQUEST_PRINCIPAL, lambda _value: ["*"])


def _taken_for(config: ProxyConfig, taken: Attribute, other: Attribute) -> ProxyConfig:
    return with_conditions(
        config, lambda each: (replace(each, attribute=other) if each.attribute is taken else each,)
    )
