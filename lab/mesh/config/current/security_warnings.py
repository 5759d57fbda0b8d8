"""Warnings about valid policies of security.istio.io, in the words of Istio's webhook.

There are no warnings about rejected objects. The messages are Istio's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from lab.kube.client import Object
from lab.mesh.config.webhook import mapping, sequence

NO_LABELS = "workload selector specified without labels"
TCP_DENIED = (
    "configured AuthorizationPolicy will deny all traffic to TCP ports under its scope due to the use of "
    "only HTTP attributes in a DENY rule; it is recommended to explicitly specify the port"
)

OF_CONNECTIONS = ("principals", "namespaces", "ipBlocks", "remoteIpBlocks", "serviceAccounts")
"""Fields of a source that work for any connection; the others (also trust domains) need HTTP."""


def selector_warnings(spec: Object, field: str = "selector") -> Iterator[str]:
    """The warnings about a selector that selects everything."""
    if isinstance(spec.get(field), dict) and not spec[field].get("matchLabels"):
        yield NO_LABELS


def request_authentication_warnings(spec: Object) -> Iterator[str]:
    """The warnings about a RequestAuthentication, in Istio's order."""
    yield from selector_warnings(spec)
    for rule in map(mapping, sequence(spec.get("jwtRules"))):
        for number, key in enumerate(_keys(rule.get("jwks") or "")):
            if key.get("kty") == "oct" or "d" in key:
                yield (
                    f"jwks key at index {number} contains private key material; "
                    "only public keys are used for verification"
                )


def _keys(text: str) -> list[Object]:
    """The keys of a set, or the one key that stands in its place."""
    try:
        data = mapping(json.loads(text)) if text else {}
    except ValueError:
        return []
    return [mapping(key) for key in sequence(data.get("keys"))] if "keys" in data else [data]


def authorization_policy_warnings(spec: Object) -> Iterator[str]:
    """The warnings about an AuthorizationPolicy, in Istio's order."""
    yield from selector_warnings(spec)
    if spec.get("action") == "DENY":
        for rule in map(mapping, sequence(spec.get("rules"))):
            if _denies_connections_unseen(rule):
                yield TCP_DENIED


def _denies_connections_unseen(rule: Object) -> bool:
    """Of a connection only a part of such a rule can be asked about, and that part holds for any."""
    sources = [mapping(each.get("source")) for each in map(mapping, sequence(rule.get("from")))]
    operations = [mapping(each.get("operation")) for each in map(mapping, sequence(rule.get("to")))]
    if operations:
        return not _says(operations, ("ports",))
    return bool(sources) and not _says(sources, OF_CONNECTIONS)


def _says(parts: list[Object], fields: tuple[str, ...]) -> bool:
    names = [name for field in fields for name in (field, f"not{field[0].upper()}{field[1:]}")]
    return any(part.get(name) for part in parts for name in names)
