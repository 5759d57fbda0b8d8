"""Faults of tokens, and of what rules say of them, that the documents do not show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from lab.faults.registry import EXTENDED, fault
from lab.faults.rules import with_conditions, with_values, without
from lab.faults.token_scripts import refusing_with
from lab.faults.trees import beside_token_filter, http_managers, messages
from lab.mesh.envoy.resources import Resources
from lab.mesh.model.authorization import Attribute, Condition, Conjunction
from lab.mesh.model.proxy_config import ProxyConfig
from lab.mesh.model.tokens import JwtRule

AREA = "Tokens"


@fault(AREA, EXTENDED)
def token_without_end_refused(resources: Resources) -> Resources:
    """A token that does not say until when it is valid is refused."""
    return _refusing(resources, "not claims.exp")


@fault(AREA, EXTENDED)
def token_of_tomorrow_refused(resources: Resources) -> Resources:
    """A token that was issued at a time to come is refused."""
    return _refusing(resources, "claims.iat and claims.iat > now + 60")


@fault(AREA, EXTENDED)
def first_issuer_only(config: ProxyConfig) -> ProxyConfig:
    """Of several issuers only the first one's tokens are accepted."""
    return _with_rules(config, lambda rules: rules[:1])


@fault(AREA, EXTENDED)
def first_rule_of_an_issuer_only(config: ProxyConfig) -> ProxyConfig:
    """Of several rules of one issuer only the first counts."""
    return _with_rules(
        config, lambda rules: tuple({rule.issuer: rule for rule in rules[::-1]}.values())[::-1]
    )


@fault(AREA, EXTENDED)
def token_of_several_audiences_refused(resources: Resources) -> Resources:
    """A token that is for several audiences is for none."""
    return _refusing(resources, 'type(claims.aud) == "table" and #claims.aud > 1')


@fault(AREA, EXTENDED)
def subject_ignored(config: ProxyConfig) -> ProxyConfig:
    """The principal of a request is whoever its issuer names."""
    return with_values(
        config,
        Attribute.REQUEST_PRINCIPAL,
        lambda value: [f"{value.rpartition('/')[0]}/*" if "/" in value else value],
    )


@fault(AREA, EXTENDED)
def principal_of_an_issuer_is_text(config: ProxyConfig) -> ProxyConfig:
    """A star behind an issuer is nothing but a star, and nobody's name."""
    return with_values(
        config,
        Attribute.REQUEST_PRINCIPAL,
        lambda value: [f"{value}*nobody" if value[-2:] == "/*" else value],
    )


@fault(AREA, EXTENDED)
def no_principal_is_excluded(config: ProxyConfig) -> ProxyConfig:
    """A rule that excludes a principal is met only by requests that have one."""

    def demanding(condition: Condition) -> Conjunction:
        if condition.attribute is Attribute.REQUEST_PRINCIPAL and condition.negated:
            return (condition, Condition(Attribute.REQUEST_PRINCIPAL, ("*",)))
        return (condition,)

    return with_conditions(config, demanding)


@fault(AREA, EXTENDED)
def claims_ignored(config: ProxyConfig) -> ProxyConfig:
    """It does not matter for which values of a claim a rule is."""
    return without(config, Attribute.CLAIM)


@fault(AREA, EXTENDED)
def lists_in_claims_not_searched(resources: Resources) -> Resources:
    """A claim that is a list has no value that a rule could be for."""
    for message in messages(resources.listeners):
        either = message.get("or_match", {}).get("value_matchers", [])
        if any("list_match" in each for each in either):
            either[:] = [each for each in either if "list_match" not in each]
    return resources


@fault(AREA, EXTENDED)
def nested_claims_by_their_last_name(config: ProxyConfig) -> ProxyConfig:
    """A claim within another one is looked for beside it."""
    return with_conditions(
        config,
        lambda each: (replace(each, name=each.name[-1:]) if each.attribute is Attribute.CLAIM else each,),
    )


@fault(AREA, EXTENDED)
def audiences_ignored(config: ProxyConfig) -> ProxyConfig:
    """It does not matter for tokens of which audiences a rule is."""
    return without(config, Attribute.AUDIENCE)


def _with_rules(
    config: ProxyConfig, change: Callable[[tuple[JwtRule, ...]], tuple[JwtRule, ...]]
) -> ProxyConfig:
    security = config.security
    return replace(config, security=replace(security, jwt_rules=change(security.jwt_rules)))


def _refusing(resources: Resources, condition: str) -> Resources:
    """Refuses verified tokens, of whose claims a condition holds."""
    return beside_token_filter(resources, 1, refusing_with(condition))


@fault(AREA, EXTENDED)
def refusals_say_nothing(resources: Resources) -> Resources:
    """A token is refused without a word."""
    silent = {"body_format": {"text_format_source": {"inline_string": ""}}}
    for manager in http_managers(resources.listeners):
        manager["local_reply_config"] = silent
    return resources
