"""The JWT authentication filter.

Envoy's own clock skew of 60 seconds is Istio's as well. A request without a token passes; one whose token
fails does not: that is left to authorization to demand, and to this filter to refuse.
"""

from __future__ import annotations

from collections.abc import Sequence

from lab.mesh.envoy import key_set
from lab.mesh.envoy.proto import Message, extension
from lab.mesh.model.tokens import JwtRule

NAME = "envoy.filters.http.jwt_authn"
PAYLOAD = "payload"
"""The key of a verified token's claims in this filter's metadata."""

LISTS = ("scope", "permission")
"""Claims that are always space-delimited lists."""

MISSING: Message = {"allow_missing": {}}


def filters(rules: Sequence[JwtRule]) -> list[Message]:
    """The filter for these rules, if there are any."""
    if not rules:
        return []
    providers = {f"origins-{number}": _provider(rule) for number, rule in enumerate(rules)}
    return [
        extension(
            NAME,
            "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
            providers=providers,
            rules=[{"match": {"prefix": "/"}, "requires": _requirement(list(providers))}],
            bypass_cors_preflight=True,
        )
    ]


def claim(path: Sequence[str], value: Message) -> Message:
    """A metadata matcher for a claim that a value matcher fits, or that is a list with something it fits."""
    either = {"or_match": {"value_matchers": [{"list_match": {"one_of": value}}, value]}}
    return {"filter": NAME, "path": [{"key": key} for key in (PAYLOAD, *path)], "value": either}


def _requirement(providers: Sequence[str]) -> Message:
    """Satisfied by one provider's token, or by no token where any provider looks for one.

    With several providers "missing" must be said of each by itself: a token that one of them refuses is not
    missing because another one does not look there.
    """
    alternatives: list[Message] = [{"provider_name": provider} for provider in providers]
    if len(alternatives) == 1:
        return _any_of([*alternatives, MISSING])
    each = [_any_of([alternative, MISSING]) for alternative in alternatives]
    return _any_of([*alternatives, {"requires_all": {"requirements": each}}])


def _any_of(requirements: list[Message]) -> Message:
    return {"requires_any": {"requirements": requirements}}


def _provider(rule: JwtRule) -> Message:
    provider: Message = {
        "local_jwks": {"inline_string": _keys(rule.jwks)},
        "forward": rule.forward_original_token,
        "payload_in_metadata": PAYLOAD,
        "normalize_payload_in_metadata": {
            "space_delimited_claims": list(dict.fromkeys((*LISTS, *rule.space_delimited_claims)))
        },
        # A route may depend on a claim, or on a header that tells one.
        "clear_route_cache": True,
    }
    optional: Message = {
        "issuer": rule.issuer,
        "audiences": list(rule.audiences),
        "from_headers": [
            {"name": header.name, "value_prefix": header.prefix} for header in rule.from_headers
        ],
        "from_params": list(rule.from_params),
        "from_cookies": list(rule.from_cookies),
        "forward_payload_header": rule.output_payload_to_header,
        "claim_to_headers": [
            {"header_name": output.header, "claim_name": output.claim}
            for output in rule.output_claim_to_headers
        ],
    }
    return provider | {name: value for name, value in optional.items() if value}


def _keys(text: str | None) -> str:
    return key_set.of_nobody() if text is None else key_set.for_proxies(text)
