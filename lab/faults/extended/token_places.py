"""Faults in where tokens are found, and in what the application is sent of them."""

from __future__ import annotations

from dataclasses import replace

from lab.faults.registry import EXTENDED, fault
from lab.faults.rules import with_jwt_rules
from lab.faults.trees import beside_token_filter, messages
from lab.mesh.envoy.resources import Resources
from lab.mesh.model.proxy_config import ProxyConfig
from lab.mesh.model.tokens import JwtRule, TokenHeader

AREA = "Token places"

BEARER = TokenHeader("authorization", "Bearer ")
PARAMETER = "access_token"


@fault(AREA, EXTENDED)
def default_parameter_ignored(config: ProxyConfig) -> ProxyConfig:
    """Where a rule names no place, the parameter `access_token` is not looked at."""
    return with_jwt_rules(
        config, lambda rule: rule if _names_places(rule) else replace(rule, from_headers=(BEARER,))
    )


@fault(AREA, EXTENDED)
def scheme_left_out_accepted(config: ProxyConfig) -> ProxyConfig:
    """A token in the Authorization header is taken without Bearer before it, too."""
    bare = TokenHeader("authorization")
    return with_jwt_rules(
        config, lambda rule: rule if _names_places(rule) else replace(rule, from_headers=(BEARER, bare))
    )


@fault(AREA, EXTENDED)
def refused_without_a_challenge(resources: Resources) -> Resources:
    """A request that is refused for its token is not told so in WWW-Authenticate."""
    script = 'function envoy_on_response(handle) handle:headers():remove("www-authenticate") end'
    return beside_token_filter(resources, 0, script)


@fault(AREA, EXTENDED)
def default_places_always(config: ProxyConfig) -> ProxyConfig:
    """Tokens are looked for in the default places as well as in those that a rule names."""

    def everywhere(rule: JwtRule) -> JwtRule:
        headers, parameters = (*rule.from_headers, BEARER), (*rule.from_params, PARAMETER)
        return replace(rule, from_headers=headers, from_params=parameters)

    return with_jwt_rules(config, lambda rule: everywhere(rule) if _names_places(rule) else rule)


@fault(AREA, EXTENDED)
def prefix_of_a_header_ignored(config: ProxyConfig) -> ProxyConfig:
    """The whole value of a header that a rule names is taken for the token, whatever prefix it says."""
    return with_jwt_rules(
        config,
        lambda rule: replace(
            rule, from_headers=tuple(replace(each, prefix="") for each in rule.from_headers)
        ),
    )


@fault(AREA, EXTENDED)
def only_the_first_parameter(config: ProxyConfig) -> ProxyConfig:
    """Of the parameters that a rule names only the first is looked at, and no cookie."""
    return with_jwt_rules(
        config, lambda rule: replace(rule, from_params=rule.from_params[:1], from_cookies=())
    )


@fault(AREA, EXTENDED)
def places_of_all_issuers(config: ProxyConfig) -> ProxyConfig:
    """A token is looked for in the places of every issuer's rule."""
    rules = config.security.jwt_rules
    headers = tuple(header for rule in rules for header in rule.from_headers)
    return with_jwt_rules(config, lambda rule: replace(rule, from_headers=headers))


@fault(AREA, EXTENDED)
def tokens_of_all_issuers_must_be_valid(resources: Resources) -> Resources:
    """Of several tokens for several rules, each must be valid."""
    for message in messages(resources.listeners):
        for alternative in message.get("requires_any", {}).get("requirements", ()):
            if "requires_all" in alternative:
                del message["requires_any"]
                message |= alternative
                break
    return resources


@fault(AREA, EXTENDED)
def payload_not_told(config: ProxyConfig) -> ProxyConfig:
    """The application is not told the payload, and gets what the client says instead."""
    return with_jwt_rules(config, lambda rule: replace(rule, output_payload_to_header=""))


@fault(AREA, EXTENDED)
def claims_not_told(config: ProxyConfig) -> ProxyConfig:
    """The application is not told any claims, and gets what the client says instead."""
    return with_jwt_rules(config, lambda rule: replace(rule, output_claim_to_headers=()))


@fault(AREA, EXTENDED)
def nested_claims_not_told(config: ProxyConfig) -> ProxyConfig:
    """The application is told no claims within other claims."""

    def flat(rule: JwtRule) -> JwtRule:
        outputs = tuple(each for each in rule.output_claim_to_headers if "." not in each.claim)
        return replace(rule, output_claim_to_headers=outputs)

    return with_jwt_rules(config, flat)


@fault(AREA, EXTENDED)
def token_always_passed_on(config: ProxyConfig) -> ProxyConfig:
    """The application is sent every token, also where nobody says so."""
    return with_jwt_rules(config, lambda rule: replace(rule, forward_original_token=True))


@fault(AREA, EXTENDED)
def token_never_passed_on(config: ProxyConfig) -> ProxyConfig:
    """The application is sent no token, whatever a rule says."""
    return with_jwt_rules(config, lambda rule: replace(rule, forward_original_token=False))


@fault(AREA, EXTENDED)
def cookies_not_passed_on(resources: Resources) -> Resources:
    """The application is sent no cookies where tokens are looked at."""
    return beside_token_filter(
        resources, 1, 'function envoy_on_request(handle) handle:headers():remove("cookie") end'
    )


def _names_places(rule: JwtRule) -> bool:
    return bool(rule.from_headers or rule.from_params or rule.from_cookies)
