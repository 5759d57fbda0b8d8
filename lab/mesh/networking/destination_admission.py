"""What Istio's validating webhook refuses of DestinationRules, beyond what schemas can say.

Hooks see objects before their schema is checked, so nothing is taken for granted here about types: what has
the wrong shape is left for the schema to refuse.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
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
    yield from _policy_problems(mapping(spec.get("trafficPolicy")))
    for subset in map(mapping, sequence(spec.get("subsets"))):
        name = subset.get("name")
        if isinstance(name, str) and not DNS_LABEL.fullmatch(name):
            yield f"subset name is invalid: {name!r} is not a DNS label"
        yield from _policy_problems(mapping(subset.get("trafficPolicy")))
    for namespace in sequence(spec.get("exportTo")):
        if isinstance(namespace, str) and namespace not in (".", "*") and not DNS_LABEL.fullmatch(namespace):
            yield f"exportTo: {namespace!r} is not a namespace"


def _policy_problems(policy: dict[str, Any]) -> Iterator[str]:
    yield from _tls_problems(mapping(policy.get("tls")))
    for entry in map(mapping, sequence(policy.get("portLevelSettings"))):
        number = mapping(entry.get("port")).get("number")
        if number is None:
            yield "portLevelSettings must have a port"
        elif isinstance(number, int) and not 1 <= number <= 65535:
            yield f"port number {number} must be in the range 1..65535"
        yield from _tls_problems(mapping(entry.get("tls")))


def _tls_problems(tls: dict[str, Any]) -> Iterator[str]:
    if isinstance(tls.get("sni"), str) and len(tls["sni"]) > LONGEST_NAME:
        yield f"sni must be no more than {LONGEST_NAME} characters"
    if tls.get("mode") != "MUTUAL":
        return
    if tls.get("credentialName"):
        if any(tls.get(name) for name in ("clientCertificate", "privateKey", "caCertificates")):
            yield "cannot specify client certificates or CA certificate if credentialName is set"
    else:
        if not tls.get("clientCertificate"):
            yield "client certificate required for mutual tls"
        if not tls.get("privateKey"):
            yield "private key required for mutual tls"
