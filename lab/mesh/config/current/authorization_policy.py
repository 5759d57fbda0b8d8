"""AuthorizationPolicy as users declare it: its fields and condition keys.

Reference: Istio's pages "Authorization Policy" and "Authorization Policy Conditions".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from lab.kube.client import GroupResource, Object
from lab.mesh.config.current import dry_run
from lab.mesh.config.current.attachment import Attachment
from lab.mesh.config.current.attachment import parse as parse_attachment
from lab.mesh.config.webhook import UNREADABLE
from lab.mesh.model.authorization import Attribute, Condition, Conjunction

KEY = GroupResource("security.istio.io", "authorizationpolicies")

SOURCE_FIELDS = {
    "principals": Attribute.PRINCIPAL,
    "requestPrincipals": Attribute.REQUEST_PRINCIPAL,
    "namespaces": Attribute.NAMESPACE,
    "serviceAccounts": Attribute.SERVICE_ACCOUNT,
    "trustDomains": Attribute.TRUST_DOMAIN,
    "ipBlocks": Attribute.SOURCE_IP,
    "remoteIpBlocks": Attribute.REMOTE_IP,
}
OPERATION_FIELDS = {
    "hosts": Attribute.HOST,
    "ports": Attribute.PORT,
    "methods": Attribute.METHOD,
    "paths": Attribute.PATH,
}
KEYS = {
    "source.ip": Attribute.SOURCE_IP,
    "remote.ip": Attribute.REMOTE_IP,
    "source.namespace": Attribute.NAMESPACE,
    "source.principal": Attribute.PRINCIPAL,
    "source.serviceAccount": Attribute.SERVICE_ACCOUNT,
    "source.trustDomain": Attribute.TRUST_DOMAIN,
    "request.auth.principal": Attribute.REQUEST_PRINCIPAL,
    "request.auth.audiences": Attribute.AUDIENCE,
    "request.auth.presenter": Attribute.PRESENTER,
    "destination.ip": Attribute.DESTINATION_IP,
    "destination.port": Attribute.PORT,
    "connection.sni": Attribute.SNI,
}
HEADER_KEY = "request.headers"
CLAIM_KEY = "request.auth.claims"
NESTED = re.compile(r"(\[[^\[\]]*\])+")
EXPERIMENTAL_KEY = re.compile(r"experimental\.(envoy\.filters\.[^\[\]]+)")


class UnknownAttribute(ValueError):
    """A condition has an unknown key; the message is for the user."""


class Action(StrEnum):
    ALLOW = "ALLOW"
    DENY = "DENY"
    AUDIT = "AUDIT"
    CUSTOM = "CUSTOM"


@dataclass(frozen=True)
class Rule:
    """Any of the sources, any of the operations, all of the conditions; an empty list does not restrict."""

    sources: tuple[Conjunction, ...] = ()
    operations: tuple[Conjunction, ...] = ()
    conditions: Conjunction = ()


@dataclass(frozen=True)
class AuthorizationPolicy:
    """One policy. Values of its conditions are as the user wrote them."""

    namespace: str
    name: str
    created: str
    attachment: Attachment
    action: Action
    rules: tuple[Rule, ...] = ()
    dry_run: bool = False
    """A dry-run policy, which is not enforced."""

    @property
    def age(self) -> tuple[str, str, str]:
        return (self.created, self.name, self.namespace)


def parse(obj: Object) -> AuthorizationPolicy:
    """The policy that an (admitted) object declares."""
    metadata, spec = obj["metadata"], obj.get("spec") or {}
    return AuthorizationPolicy(
        namespace=metadata["namespace"],
        name=metadata["name"],
        created=metadata["creationTimestamp"],
        attachment=parse_attachment(spec),
        action=Action(spec.get("action") or "ALLOW"),
        rules=tuple(map(_rule, spec.get("rules") or ())),
        dry_run=dry_run.is_asked_for(metadata),
    )


def negative(field: str) -> str:
    """The name of the field that excludes what `field` includes: `notPaths` of `paths`."""
    return f"not{field[0].upper()}{field[1:]}"


def attribute_of(key: str) -> tuple[Attribute, tuple[str, ...]]:
    """The attribute of a condition's key, and the name in its brackets. Raises UnknownAttribute.

    Brackets within the name are part of it, but for those between a claim and one within that.
    """
    if key in KEYS:
        return KEYS[key], ()
    base, _, rest = key.partition("[")
    name = rest.removesuffix("]")
    if not rest.endswith("]") or not name or UNREADABLE.search(name):
        raise UnknownAttribute(f"bad key ({key}): should have format a[b]")
    if experimental := EXPERIMENTAL_KEY.fullmatch(base):
        return Attribute.METADATA, (experimental[1], name)
    if base == HEADER_KEY:
        return Attribute.HEADER, (name,)
    if base == CLAIM_KEY:
        names = tuple(name.split("][")) if NESTED.fullmatch(f"[{rest}") else (name,)
        if all(names):
            return Attribute.CLAIM, names
    raise UnknownAttribute(f"unknown attribute: {key}")


def _rule(rule: Object) -> Rule:
    sources = [part.get("source") or {} for part in rule.get("from") or ()]
    operations = [part.get("operation") or {} for part in rule.get("to") or ()]
    return Rule(
        sources=tuple(tuple(_fields(source, SOURCE_FIELDS)) for source in sources),
        operations=tuple(tuple(_fields(operation, OPERATION_FIELDS)) for operation in operations),
        conditions=tuple(each for condition in rule.get("when") or () for each in _conditions(condition)),
    )


def _fields(part: Object, known: Mapping[str, Attribute]) -> Iterator[Condition]:
    for field, attribute in known.items():
        if values := part.get(field):
            yield Condition(attribute, tuple(values))
        if values := part.get(negative(field)):
            yield Condition(attribute, tuple(values), negated=True)


def _conditions(condition: Object) -> Iterator[Condition]:
    attribute, name = attribute_of(condition["key"])
    if values := condition.get("values"):
        yield Condition(attribute, tuple(values), name=name)
    if values := condition.get("notValues"):
        yield Condition(attribute, tuple(values), negated=True, name=name)
