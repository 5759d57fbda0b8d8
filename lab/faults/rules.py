"""Helpers to change the rules by which a proxy lets requests pass and believes tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from lab.mesh.model.authorization import (
    Attribute,
    Authorization,
    AuthorizationRule,
    Condition,
    Conjunction,
)
from lab.mesh.model.proxy_config import ProxyConfig
from lab.mesh.model.tokens import JwtRule

NOBODYS = "cluster.local/ns/nobody/sa/nobody"
"""In the place of a value that must not match."""


def with_jwt_rules(config: ProxyConfig, change: Callable[[JwtRule], JwtRule]) -> ProxyConfig:
    """With another one in the place of each rule for tokens."""
    rules = tuple(map(change, config.security.jwt_rules))
    return replace(config, security=replace(config.security, jwt_rules=rules))


def with_authorization(config: ProxyConfig, change: Callable[[Authorization], Authorization]) -> ProxyConfig:
    """The configuration with other rules."""
    security = config.security
    return replace(config, security=replace(security, authorization=change(security.authorization)))


def with_rules(
    config: ProxyConfig, change: Callable[[AuthorizationRule], Iterable[AuthorizationRule]]
) -> ProxyConfig:
    """With some rules, or none, in the place of each one that allows or denies."""

    def changed(rules: tuple[AuthorizationRule, ...]) -> tuple[AuthorizationRule, ...]:
        return tuple(each for rule in rules for each in change(rule))

    return with_authorization(
        config,
        lambda found: replace(
            found,
            deny=changed(found.deny),
            allow=found.allow if found.allow is None else changed(found.allow),
        ),
    )


def with_conditions(config: ProxyConfig, change: Callable[[Condition], Conjunction]) -> ProxyConfig:
    """With others, or none, in the place of each condition on a source, on an operation, or beside them."""

    def changed(conjunction: Conjunction) -> Conjunction:
        return tuple(each for condition in conjunction for each in change(condition))

    return with_rules(
        config,
        lambda rule: [
            replace(
                rule,
                sources=tuple(map(changed, rule.sources)),
                operations=tuple(map(changed, rule.operations)),
                conditions=changed(rule.conditions),
            )
        ],
    )


def with_values(
    config: ProxyConfig, attribute: Attribute, change: Callable[[str], Iterable[str]]
) -> ProxyConfig:
    """With other values of an attribute in the place of each one."""

    def changed(condition: Condition) -> Conjunction:
        if condition.attribute is not attribute:
            return (condition,)
        return (replace(condition, values=tuple(new for old in condition.values for new in change(old))),)

    return with_conditions(config, changed)


def without(config: ProxyConfig, attribute: Attribute) -> ProxyConfig:
    """Without any condition on an attribute."""
    return with_conditions(config, lambda each: () if each.attribute is attribute else (each,))


def without_pattern(value: str) -> Iterable[str]:
    """Nobody's value in the place of one with a star at an end, but for the star by itself."""
    return [NOBODYS if value.strip("*") != value and value != "*" else value]
