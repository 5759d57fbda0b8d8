"""What Istio's validating webhook refuses of RequestAuthentication and AuthorizationPolicy.

As in `admission`: what has the wrong shape, or what a schema can say, is left for the schema to refuse.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from lab.kube.store import Object
from lab.mesh import key_set
from lab.mesh.current import dry_run
from lab.mesh.current.authorization_policy import (
    OPERATION_FIELDS,
    SOURCE_FIELDS,
    UnknownAttribute,
    attribute_of,
    negative,
)
from lab.mesh.key_set import NotAKeySet
from lab.mesh.key_source import uri_problems
from lab.mesh.model import Attribute
from lab.mesh.refusals import HEADER_NAME, listed, mapping, refuse_for, sequence, texts


def validate_request_authentication(new: Object, old: Object | None) -> Object:  # noqa: ARG001 - a hook
    """Refuses rules without a way to keys, and keys that are none."""
    rules = map(mapping, sequence(mapping(new.get("spec")).get("jwtRules")))
    if found := [problem for rule in rules for problem in _jwt_problems(rule)]:
        refuse_for([listed(found)])
    return new


def _jwt_problems(rule: dict[str, Any]) -> Iterator[str]:
    uri = rule.get("jwksUri") or rule.get("jwks_uri")
    if not rule.get("issuer") and not uri:
        yield "issuer or jwksUri must be non-empty string"
    if isinstance(uri, str):
        yield from uri_problems(uri)
    headers = [mapping(header).get("name") for header in sequence(rule.get("fromHeaders"))]
    for header in (*headers, rule.get("outputPayloadToHeader")):
        if isinstance(header, str) and header and not HEADER_NAME.fullmatch(header):
            yield f"header name {header!r} is not valid"
    for prefix in (mapping(header).get("prefix") for header in sequence(rule.get("fromHeaders"))):
        if isinstance(prefix, str) and not prefix.isprintable():
            yield f"header prefix {prefix!r} is not valid"
    if isinstance(rule.get("jwks"), str):
        try:
            key_set.check(rule["jwks"], known_types=True)
        except NotAKeySet as error:
            yield f"jwks parse error: {error}"


def validate_authorization_policy(new: Object, old: Object | None) -> Object:  # noqa: ARG001 - a hook
    """Refuses what would never match, and what looks like a restriction and is none."""
    dry_run.refuse_misread(new)
    which = f"invalid policy {new['metadata'].get('name')}.{new['metadata'].get('namespace')}:"
    refuse_for(f"{which} {problem}" for problem in _policy_problems(mapping(new.get("spec"))))
    return new


def _policy_problems(spec: dict[str, Any]) -> Iterator[str]:
    # To Istio a list without elements is one that is not there.
    action, rules = spec.get("action") or "ALLOW", spec.get("rules") or None
    if action in ("DENY", "CUSTOM") and rules is None:
        yield (
            f"{action} action without `rules` is meaningless as it will never be triggered, "
            "add an empty rule `{}` if you want it be triggered for every request"
        )
    if action == "CUSTOM":
        if rules is not None and not mapping(spec.get("provider")).get("name"):
            yield "`provider.name` must not be empty"
        for rule in map(mapping, sequence(rules)):
            yield from _custom_problems(rule)
    elif spec.get("provider") is not None:
        yield f"`provider` must not be with non CUSTOM action, found {action}"
    for number, rule in enumerate(sequence(rules)):
        if rule is None:
            yield f"`rule` must not be nil, found at rule {number}"
        yield from _part_problems(mapping(rule), number, "from", "source", SOURCE_FIELDS)
        yield from _part_problems(mapping(rule), number, "to", "operation", OPERATION_FIELDS)
        for condition in map(mapping, sequence(mapping(rule).get("when"))):
            yield from _condition_problems(condition)


# Who the peer is, and what the token says, is not known yet when somebody else is asked.
IDENTITIES = {
    Attribute.PRINCIPAL,
    Attribute.NAMESPACE,
    Attribute.SERVICE_ACCOUNT,
    Attribute.TRUST_DOMAIN,
    Attribute.REQUEST_PRINCIPAL,
    Attribute.AUDIENCE,
    Attribute.PRESENTER,
    Attribute.CLAIM,
}


def _custom_problems(rule: dict[str, Any]) -> Iterator[str]:
    unsupported = "is currently not supported with CUSTOM action"
    for part in map(mapping, sequence(rule.get("from"))):
        source = mapping(part.get("source"))
        for field, attribute in SOURCE_FIELDS.items():
            for name in (field, negative(field)):
                if attribute in IDENTITIES and source.get(name):
                    yield f"From.{_capital(name)} {unsupported}"
    for condition in map(mapping, sequence(rule.get("when"))):
        if isinstance(key := condition.get("key"), str):
            with contextlib.suppress(UnknownAttribute):
                if attribute_of(key)[0] in IDENTITIES:
                    yield f"{key} {unsupported}"


def _part_problems(
    rule: dict[str, Any], number: int, section: str, part: str, fields: Mapping[str, Attribute]
) -> Iterator[str]:
    """Of `from` and its sources, or of `to` and its operations."""
    for entry in map(mapping, sequence(rule.get(section))):
        if entry.get(part) is None:
            yield f"`{section}.{part}` must not be nil, found at rule {number}"
        else:
            yield from _field_problems(mapping(entry[part]), number, f"{section}.{part}", fields)


def _field_problems(
    part: dict[str, Any], number: int, where: str, fields: Mapping[str, Attribute]
) -> Iterator[str]:
    names = {name: attribute for field, attribute in fields.items() for name in (field, negative(field))}
    if not any(part.get(name) for name in names):
        yield f"`{where}` must not be empty, found at rule {number}"
    for name, attribute in names.items():
        for problem in _value_problems(attribute, texts(part.get(name))):
            yield f"{problem}, found in {_capital(name)}"


def _condition_problems(condition: dict[str, Any]) -> Iterator[str]:
    key = condition.get("key")
    if key == "":
        yield "`key` must not be empty"
    if not isinstance(key, str) or not key:
        return
    try:
        attribute, name = attribute_of(key)
    except UnknownAttribute as error:
        yield str(error)
        return
    if attribute is Attribute.HEADER and not HEADER_NAME.fullmatch(name[0]):
        yield f"bad key ({key}): {name[0]!r} is not the name of a header"
    if not condition.get("values") and not condition.get("notValues"):
        yield f"at least one of `values` or `notValues` must be set for key {key}"
    for field in ("values", "notValues"):
        for problem in _value_problems(attribute, texts(condition.get(field))):
            yield f"invalid `{field[:-1]}` for `key` {key}: {problem}"


def _value_problems(attribute: Attribute, values: list[str]) -> Iterator[str]:
    is_valid, what = VALUES.get(attribute, (_anything, ""))
    for value in values:
        if value == "":
            yield "empty value not allowed"
        elif not is_valid(value):
            yield f"{what} ({value})"


def _anything(value: str) -> bool:  # noqa: ARG001 - one signature for all checks
    return True


def _is_address(value: str) -> bool:
    if not re.fullmatch(r"[0-9a-fA-F.:]+(/[0-9]+)?", value):
        return False
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError:
        return False
    return True


def _is_port(value: str) -> bool:
    return re.fullmatch(r"[0-9]{1,9}", value) is not None and int(value) <= 65535


def _is_account(value: str) -> bool:
    return re.fullmatch(r"([^/*]+/)?[^/*]+", value) is not None


# Segments are plain text or a variable. Istio takes some more templates (`//{*}`, `{*}` alone, longer
# ones), but Envoy terminates on one that it cannot read.
_PLAIN = r"[A-Za-z0-9._~%!$&'()+,;:@=-]"
TEMPLATE = re.compile(rf"(/({_PLAIN}+|\{{\*\*?\}}))*/?")
LONGEST_TEMPLATE = 255


def _is_path(value: str) -> bool:
    """A template has `{*}` for one segment, `{**}` for any number with none after it, and no other braces."""
    if not {"{", "}"} & set(value):
        return True
    _, _, after = value.partition("{**}")
    return "{" not in after and len(value) <= LONGEST_TEMPLATE and TEMPLATE.fullmatch(value) is not None


VALUES: dict[Attribute, tuple[Callable[[str], bool], str]] = {
    Attribute.SOURCE_IP: (_is_address, "bad IP address or CIDR range"),
    Attribute.REMOTE_IP: (_is_address, "bad IP address or CIDR range"),
    Attribute.DESTINATION_IP: (_is_address, "bad IP address or CIDR range"),
    Attribute.PORT: (_is_port, "bad port"),
    Attribute.SERVICE_ACCOUNT: (_is_account, "bad service account"),
    Attribute.PATH: (_is_path, "invalid or unsupported path"),
}


def _capital(name: str) -> str:
    return name[0].upper() + name[1:]
