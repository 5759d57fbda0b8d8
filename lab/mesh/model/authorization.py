"""Which requests a proxy allows: rules about attributes of a request and its connection."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Attribute(StrEnum):
    """An attribute of a request or a connection."""

    PRINCIPAL = "principal"
    """The peer's identity that mutual TLS has proven, without `spiffe://`."""
    NAMESPACE = "namespace"
    """The namespace in that identity."""
    SERVICE_ACCOUNT = "service account"
    """`namespace/account` in that identity."""
    TRUST_DOMAIN = "trust domain"
    """The trust domain in that identity."""
    REQUEST_PRINCIPAL = "request principal"
    """`issuer/subject` of the verified token."""
    AUDIENCE = "audience"
    PRESENTER = "presenter"
    CLAIM = "claim"
    SOURCE_IP = "source ip"
    """The address of the direct peer."""
    REMOTE_IP = "remote ip"
    """The address of the original client, as far as proxies are trusted."""
    HOST = "host"
    PORT = "port"
    """The workload's own port."""
    METHOD = "method"
    PATH = "path"
    HEADER = "header"
    DESTINATION_IP = "destination ip"
    SNI = "sni"
    METADATA = "metadata"
    """What another filter has found out."""


@dataclass(frozen=True)
class Condition:
    """One attribute against alternatives, each in the notation of the policy API (`exact`, `prefix*` …)."""

    attribute: Attribute
    values: tuple[str, ...]
    negated: bool = False
    """Whether none of the values may match; a missing attribute satisfies that."""
    name: tuple[str, ...] = ()
    """Which header; the path to a nested claim; the filter and the path in what it has found out."""


Conjunction = tuple[Condition, ...]
"""All of them must hold."""


@dataclass(frozen=True)
class AuthorizationRule:
    """Matches a request of any of the sources with any of the operations under all conditions."""

    name: str
    """For the logs of the proxy; unique in an `Authorization`."""
    sources: tuple[Conjunction, ...] = ()
    """None: whoever asks."""
    operations: tuple[Conjunction, ...] = ()
    """None: whatever is asked for."""
    conditions: Conjunction = ()


@dataclass(frozen=True)
class Authorization:
    """What `custom` or `deny` match is denied; then, what `allow` does not match."""

    custom: tuple[AuthorizationRule, ...] = ()
    """Somebody else should decide, whom the mesh does not know: to be refused before any token is read."""
    deny: tuple[AuthorizationRule, ...] = ()
    allow: tuple[AuthorizationRule, ...] | None = None
    """None: everything is allowed; no rules: nothing is."""
    audit: tuple[AuthorizationRule, ...] = ()
    """What they match is worth a remark; it has no effect on the outcome."""
