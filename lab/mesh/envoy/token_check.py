"""The filters that require a token, and respond to a request without one with 401 and the policy API's text.

Envoy's own filter verifies signatures, but cannot say the rest: which of several tokens counts, that a token
must expire and does so without a skew, that every refusal is a 401 with given words. So it is given the one
token that counts, and only finds out what it says; two scripts, around it, do the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from lab.mesh.envoy import jwt, key_set
from lab.mesh.envoy.proto import Message, extension
from lab.mesh.model.tokens import JwtRule, TokenCheck

SETTINGS = "reference-mesh.tokens"
"""Where in the dynamic metadata the scripts find what they need to know."""
HEADER = "x-reference-mesh-token"
"""The token that counts, in the place of whatever a client sends by this name. It is never passed on."""

PARAMETER = "access_token"
"""Where a token is by default, besides `Authorization`."""

ANY_TIME_S = 2**32 - 1
"""A skew with which Envoy leaves the time to the script: the largest that it takes."""

FOLDER = Path(__file__).parent
FIRST_TOKEN = (FOLDER / "first_token.lua").read_text()
JUDGE_TOKEN = (FOLDER / "judge_token.lua").read_text()

FILTERS = "envoy.extensions.filters.http"


def filters(check: TokenCheck | None) -> list[Message]:
    """The filters for this check, if there is any."""
    if check is None:
        return []
    settings = extension(
        "envoy.filters.http.set_metadata",
        f"{FILTERS}.set_metadata.v3.Config",
        metadata=[{"metadata_namespace": SETTINGS, "value": _settings(check)}],
    )
    verification = [_script("first_token", FIRST_TOKEN), _verification(check)] if check.rules else []
    return [settings, *verification, _script("judge_token", JUDGE_TOKEN)]


def _settings(check: TokenCheck) -> Message:
    default = [rule.issuer for rule in check.rules if not (rule.from_headers or rule.from_params)]
    headers = _places((header.name.lower(), rule) for rule in check.rules for header in rule.from_headers)
    parameters = _places((name, rule) for rule in check.rules for name in rule.from_params)
    if default:
        parameters.setdefault(PARAMETER, []).extend(default)
    return {
        "header": HEADER,
        "bearer": default,
        "headers": _in_order(headers),
        "parameters": _in_order(parameters),
        "audiences": {
            rule.issuer: [_bare(each) for each in rule.audiences] for rule in check.rules if rule.audiences
        },
        "demands": [{"issuers": list(demand.issuers), "refusal": demand.refusal} for demand in check.demands],
        "skew": check.clock_skew_s,
    }


def _places(found: Iterable[tuple[str, JwtRule]]) -> dict[str, list[str]]:
    """The issuers by the name of each place."""
    places: dict[str, list[str]] = {}
    for name, rule in found:
        places.setdefault(name, []).append(rule.issuer)
    return places


def _in_order(places: Mapping[str, list[str]]) -> list[Message]:
    return [{"name": name, "issuers": issuers} for name, issuers in sorted(places.items())]


def _bare(audience: str) -> str:
    return re.sub("^https?://", "", audience).removesuffix("/")


def _verification(check: TokenCheck) -> Message:
    """Envoy's filter, which refuses nothing here: it says what is in the token if that is genuine."""
    providers = {
        f"issuer-{number}": {
            "issuer": rule.issuer,
            "local_jwks": {"inline_string": _keys(rule, check)},
            "from_headers": [{"name": HEADER}],
            "payload_in_metadata": jwt.PAYLOAD,
            "clock_skew_seconds": ANY_TIME_S,
        }
        for number, rule in enumerate(check.rules)
    }
    alternatives: list[Message] = [{"provider_name": name} for name in providers]
    any_of = {"requirements": [*alternatives, {"allow_missing_or_failed": {}}]}
    return extension(
        jwt.NAME,
        f"{FILTERS}.jwt_authn.v3.JwtAuthentication",
        providers=providers,
        rules=[{"match": {"prefix": "/"}, "requires": {"requires_any": any_of}}],
    )


def _keys(rule: JwtRule, check: TokenCheck) -> str:
    return key_set.of_nobody() if rule.jwks is None else key_set.for_proxies(rule.jwks, check.algorithms)


def _script(name: str, source: str) -> Message:
    return extension(
        f"reference-mesh.{name}",
        f"{FILTERS}.lua.v3.Lua",
        default_source_code={"inline_string": source},
    )
