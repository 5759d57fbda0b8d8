"""Conditions as Envoy's matchers, in the permissions and principals of its RBAC filters.

Values are in the notation of the policy API: `exact`, `prefix*`, `*suffix`, and `*` for whatever is there at
all; a star elsewhere is a star.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from lab.mesh.envoy import jwt
from lab.mesh.envoy.proto import Message, extension
from lab.mesh.model.authorization import Attribute, Condition

SPIFFE = "spiffe://"


@dataclass(frozen=True)
class Side:
    """Permissions and principals are built alike, except for the names of their fields."""

    name: str
    elements: str

    def all_of(self, parts: list[Message]) -> Message:
        return {f"and_{self.name}": {self.elements: parts or [{"any": True}]}}

    def any_of(self, parts: list[Message]) -> Message:
        return parts[0] if len(parts) == 1 else {f"or_{self.name}": {self.elements: parts}}

    def negation(self, part: Message) -> Message:
        return {f"not_{self.name.removesuffix('s')}": part}


PERMISSION = Side("rules", "rules")
PRINCIPAL = Side("ids", "ids")

PERMISSIONS = frozenset(
    {
        Attribute.HOST,
        Attribute.PORT,
        Attribute.METHOD,
        Attribute.PATH,
        Attribute.DESTINATION_IP,
        Attribute.SNI,
        Attribute.METADATA,
    }
)
"""Attributes that Envoy matches in permissions; all others belong to principals."""

HTTP_ONLY = frozenset(
    {
        Attribute.REQUEST_PRINCIPAL,
        Attribute.AUDIENCE,
        Attribute.PRESENTER,
        Attribute.CLAIM,
        Attribute.HOST,
        Attribute.METHOD,
        Attribute.PATH,
        Attribute.HEADER,
    }
)
"""Attributes that a TCP connection does not have."""


def of(condition: Condition) -> list[Message]:
    """One matcher for each value; that the condition is negated is not looked at."""
    if condition.attribute in CLAIMS:
        return [_claims(CLAIMS[condition.attribute] or condition.name, condition.values)]
    if condition.attribute is Attribute.HEADER:
        return [_header(condition.name[0], value) for value in condition.values]
    if condition.attribute is Attribute.METADATA:
        return [_metadata(condition.name, value) for value in condition.values]
    return [MATCHERS[condition.attribute](value) for value in condition.values]


def text(value: str, *, ignore_case: bool = False) -> Message:
    """A string matcher."""
    if value == "*":
        return {"safe_regex": {"regex": ".+"}}
    case: Message = {"ignore_case": True} if ignore_case else {}
    if value.startswith("*"):
        return {"suffix": value[1:], **case}
    if value.endswith("*"):
        return {"prefix": value[:-1], **case}
    return {"exact": value, **case}


def _regex(expression: str) -> Message:
    return {"safe_regex": {"regex": expression}}


def _authenticated(name: Message) -> Message:
    """By the identity in the peer's certificate; nobody has one in plain text."""
    return {"authenticated": {"principal_name": name}}


def _principal(value: str) -> Message:
    if value.startswith("*") and value != "*":
        # What comes before the suffix must at least be an identity.
        return _authenticated(_regex(f"{SPIFFE}.*{re.escape(value[1:])}"))
    return _authenticated(text(value if value == "*" else SPIFFE + value))


def _with_stars(value: str, any_text: str) -> str:
    """A regular expression for a value with stars at its ends."""
    return any_text.join(map(re.escape, value.split("*")))


def _namespace(value: str) -> Message:
    # As in Istio, a star may stand for more than a name: `*a` is also `bar/sa`, and so everybody in `bar`.
    return _authenticated(_regex(f".*/ns/{_with_stars(value, '.*')}/.*"))


def _service_account(value: str) -> Message:
    namespace, _, account = value.partition("/")
    return _authenticated(_regex(f"{SPIFFE}.+/ns/{re.escape(namespace)}/(.+/|)sa/{re.escape(account)}(/.+)?"))


def _trust_domain(value: str) -> Message:
    return _authenticated(_regex(f"{SPIFFE}{_with_stars(value, '[^/]*')}/.*"))


def _request_principal(value: str) -> Message:
    """Issuer and subject are matched by themselves, on either side of the last slash."""
    issuer, slash, subject = value.rpartition("/")
    if slash:
        # Only one star is one: that at the beginning, or else that at the end.
        if issuer.startswith("*"):
            wanted = (text(issuer), {"exact": subject})
        elif subject == "*":
            wanted = ({"exact": issuer}, text("*"))
        elif subject.endswith("*"):
            wanted = ({"exact": issuer}, {"prefix": subject[:-1]})
        else:
            wanted = ({"exact": issuer}, {"exact": subject})
    elif value.startswith("*"):
        wanted = (text("*"), text(value))
    elif value.endswith("*"):
        wanted = (text(value), text("*"))
    else:
        wanted = ({"exact": value}, {"exact": ""})
    return PRINCIPAL.all_of(
        [
            _in_metadata(jwt.NAME, (jwt.PAYLOAD, claim), {"string_match": matcher})
            for claim, matcher in zip(("iss", "sub"), wanted, strict=True)
        ]
    )


def _claims(path: tuple[str, ...], values: tuple[str, ...]) -> Message:
    """A claim that is one of the texts, or a list with one of them."""
    matches: list[Message] = [{"string_match": text(value)} for value in values]
    one: Message = matches[0] if len(matches) == 1 else {"or_match": {"value_matchers": matches}}
    return {"sourced_metadata": {"metadata_matcher": jwt.claim(path, one)}}


def _metadata(name: tuple[str, ...], value: str) -> Message:
    """What a filter has found out: a text, or (in brackets) a list with that text."""
    filter_name, *path = name
    if value.startswith("[") and value.endswith("]"):
        wanted: Message = {"list_match": {"one_of": {"string_match": text(value[1:-1])}}}
    else:
        wanted = {"string_match": text(value)}
    return _in_metadata(filter_name, tuple(path), wanted)


def _in_metadata(filter_name: str, path: tuple[str, ...], wanted: Message) -> Message:
    keys = [{"key": key} for key in path]
    matcher = {"filter": filter_name, "path": keys, "value": wanted}
    return {"sourced_metadata": {"metadata_matcher": matcher}}


def _header(name: str, value: str, *, ignore_case: bool = False) -> Message:
    if value == "*":
        return {"header": {"name": name, "present_match": True}}
    return {"header": {"name": name, "string_match": text(value, ignore_case=ignore_case)}}


def _path(value: str) -> Message:
    if "{*}" not in value and "{**}" not in value:
        return {"url_path": {"path": text(value)}}
    return {
        "uri_template": extension(
            "uri-template",
            "envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig",
            path_template=value.replace("{**}", "**").replace("{*}", "*"),
        )
    }


def _range(value: str) -> Message:
    address, _, length = value.partition("/")
    return {"address_prefix": address, "prefix_len": int(length or (128 if ":" in address else 32))}


CLAIMS: dict[Attribute, tuple[str, ...]] = {
    Attribute.AUDIENCE: ("aud",),
    Attribute.PRESENTER: ("azp",),
    Attribute.CLAIM: (),
}
"""Which claim an attribute is; none: the one that the condition names."""

MATCHERS: dict[Attribute, Callable[[str], Message]] = {
    Attribute.PRINCIPAL: _principal,
    Attribute.NAMESPACE: _namespace,
    Attribute.SERVICE_ACCOUNT: _service_account,
    Attribute.TRUST_DOMAIN: _trust_domain,
    Attribute.REQUEST_PRINCIPAL: _request_principal,
    Attribute.SOURCE_IP: lambda value: {"direct_remote_ip": _range(value)},
    Attribute.REMOTE_IP: lambda value: {"remote_ip": _range(value)},
    Attribute.HOST: lambda value: _header(":authority", value, ignore_case=True),
    Attribute.PORT: lambda value: {"destination_port": int(value)},
    Attribute.METHOD: lambda value: _header(":method", value),
    Attribute.PATH: _path,
    Attribute.DESTINATION_IP: lambda value: {"destination_ip": _range(value)},
    Attribute.SNI: lambda value: {"requested_server_name": text(value)},
}
