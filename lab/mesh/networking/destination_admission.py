"""What Istio's validating webhook refuses of DestinationRules, beyond what schemas can say.

Hooks see objects before their schema is checked, so nothing is taken for granted here about types: what has
the wrong shape is left for the schema to refuse.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from lab.kube.store import Object
from lab.mesh.refusals import mapping, refuse_for, sequence

HOST = re.compile(r"(\*|(\*\.|\*?)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)\.?", re.I)
LONGEST_NAME = 255
DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", re.I)


def validate_destination_rule(new: Object, old: Object | None) -> Object:  # noqa: ARG001 - an admission hook
    """Refuses a DestinationRule that no proxy could obey, with every reason at once."""
    refuse_for(_rule_problems(mapping(new.get("spec"))))
    return new


def _rule_problems(spec: dict[str, Any]) -> Iterator[str]:
    host = spec.get("host")
    if host == "":
        yield "domain name too short"
    elif isinstance(host, str) and (len(host) > LONGEST_NAME or not HOST.fullmatch(host)):
        yield f"invalid host {host!r}: it must be a DNS name, optionally with a wildcard as its first part"
    yield from _policy_problems(spec.get("trafficPolicy"))
    names: set[str] = set()
    for subset in map(mapping, sequence(spec.get("subsets"))):
        name = subset.get("name")
        if isinstance(name, str) and name in names:
            yield f"duplicate subset names: {name}"
        elif isinstance(name, str):
            names.add(name)
        if isinstance(name, str) and not DNS_LABEL.fullmatch(name):
            yield f"subset name is invalid: {name!r} is not a DNS label"
        yield from _policy_problems(subset.get("trafficPolicy"))
    for namespace in sequence(spec.get("exportTo")):
        if isinstance(namespace, str) and namespace not in (".", "*") and not DNS_LABEL.fullmatch(namespace):
            yield f"exportTo: {namespace!r} is not a namespace"


# To Istio a list without elements is one that is not there.
PARTS = ("outlierDetection", "connectionPool", "loadBalancer", "tls")
OTHER_PARTS = ("portLevelSettings", "tunnel", "proxyProtocol", "retryBudget")


def _policy_problems(declared: Any) -> Iterator[str]:
    policy = mapping(declared)
    if isinstance(declared, dict) and not _is_any_set(policy, (*PARTS, *OTHER_PARTS)):
        yield "traffic policy must have at least one field"
        return
    if policy.get("tunnel") is not None and policy.get("proxyProtocol") is not None:
        yield "tunnel and proxyProtocol must not be set together"
        return
    yield from _part_problems(policy)
    for entry in map(mapping, sequence(policy.get("portLevelSettings"))):
        number = mapping(entry.get("port")).get("number")
        if number is None:
            yield "portTrafficPolicy must have valid port"
        elif isinstance(number, int) and not 1 <= number <= 65535:
            yield f"port number {number} must be in the range 1..65535"
        if _is_any_set(entry, PARTS):
            yield from _part_problems(entry)
        else:
            yield "port traffic policy must have at least one field"


def _is_any_set(policy: dict[str, Any], parts: Iterable[str]) -> bool:
    return any(policy.get(part) is not None and policy[part] != [] for part in parts)


def _part_problems(policy: dict[str, Any]) -> Iterator[str]:
    yield from _tls_problems(mapping(policy.get("tls")))
    pool = policy.get("connectionPool")
    if isinstance(pool, dict) and not _is_any_set(pool, ("http", "tcp")):
        yield "connection pool must have at least one field"
    for name, value in mapping(mapping(pool).get("http")).items():
        if name in NOT_NEGATIVE and isinstance(value, int) and value < 0:
            yield f"{NOT_NEGATIVE[name]} must be non-negative"
    most = mapping(mapping(pool).get("tcp")).get("maxConnections")
    if isinstance(most, int) and most < 0:
        yield "max connections must be non-negative"


NOT_NEGATIVE = {
    "http1MaxPendingRequests": "http1 max pending requests",
    "http2MaxRequests": "http2 max requests",
    "maxRequestsPerConnection": "max requests per connection",
    "maxRetries": "max retries",
    "maxConcurrentStreams": "max concurrent streams",
}


def _tls_problems(tls: dict[str, Any]) -> Iterator[str]:
    if isinstance(tls.get("sni"), str) and len(tls["sni"]) > LONGEST_NAME:
        yield f"sni must be no more than {LONGEST_NAME} characters"
    mode = tls.get("mode")
    if mode in UNVERIFIED and tls.get("insecureSkipVerify") is True:
        fields, words = UNVERIFIED[mode]
        if any(tls.get(field) for field in fields):
            yield f"cannot specify {words} when InsecureSkipVerify is set true"
    if mode in ("SIMPLE", "MUTUAL") and tls.get("credentialName"):
        if any(tls.get(name) for name in ("clientCertificate", "privateKey", "caCertificates", "caCrl")):
            yield "cannot specify client certificates or CA certificate or CA CRL If credentialName is set"
    elif mode == "MUTUAL":
        if not tls.get("clientCertificate"):
            yield "client certificate required for mutual tls"
        if not tls.get("privateKey"):
            yield "private key required for mutual tls"


# What says how a server is verified, and so contradicts that it is not.
UNVERIFIED = {
    "SIMPLE": (
        ("caCertificates", "credentialName", "subjectAltNames"),
        "CaCertificates or CredentialName or SubjectAltNames",
    ),
    "MUTUAL": (("caCertificates", "subjectAltNames"), "CaCertificates or SubjectAltNames"),
}
