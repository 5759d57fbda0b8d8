"""Validation of DestinationRules beyond their schema, in the words of Istio's webhook.

The words are Istio's, as is what goes unsaid once something else is wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lab.golang.durations import MILLISECOND, nanoseconds
from lab.golang.printing import quoted
from lab.kube.client import Object
from lab.mesh.config.networking.load_balancer_admission import load_balancer_problems
from lab.mesh.config.validation import (
    address_problems,
    duration_problems,
    export_problems,
    full_name_problems,
    host_problems,
    port_problems,
    subset_problems,
    tag_problems,
)
from lab.mesh.config.webhook import mapping, refuse_for, sequence

PARTS = ("outlierDetection", "connectionPool", "loadBalancer", "tls")
OTHER_PARTS = ("portLevelSettings", "tunnel", "proxyProtocol", "retryBudget")
CONFIG_MAP = "configmap://"


def review_destination_rule(new: Object) -> list[str]:
    """Rejects a DestinationRule that no proxy could apply, with all reasons."""
    refuse_for(_rule_problems(mapping(new.get("spec")), new["metadata"]["namespace"]))
    return []


def _rule_problems(spec: Object, namespace: str) -> Iterator[str]:
    yield from host_problems(spec.get("host") or "")
    yield from _policy_problems(spec.get("trafficPolicy"), namespace)
    names: set[str] = set()
    for subset in sequence(spec.get("subsets")):
        name = subset.get("name") or ""
        if name in names:
            yield f"duplicate subset names: {name}"
        names.add(name)
        yield from subset_problems(name)
        yield from tag_problems(mapping(subset.get("labels")))
        yield from _policy_problems(subset.get("trafficPolicy"), namespace)
    selects = spec.get("workloadSelector") is not None
    yield from export_problems(sequence(spec.get("exportTo")), namespace, selects=selects)


def _policy_problems(policy: Object | None, namespace: str) -> Iterator[str]:
    if policy is None:
        return
    if not _is_any_set(policy, (*PARTS, *OTHER_PARTS)):
        yield "traffic policy must have at least one field"
        return
    if policy.get("tunnel") is not None and policy.get("proxyProtocol") is not None:
        yield "tunnel and proxyProtocol must not be set together"
        return
    yield from _part_problems(policy, namespace)
    for entry in sequence(policy.get("portLevelSettings")):
        if entry.get("port") is None:
            yield "portTrafficPolicy must have valid port"
        if _is_any_set(entry, PARTS):
            yield from _part_problems(entry, namespace)
        else:
            yield "port traffic policy must have at least one field"
    if policy.get("tunnel") is not None:
        yield from _tunnel_problems(policy["tunnel"])


def _is_any_set(policy: Object, parts: Iterable[str]) -> bool:
    # To Istio a list without elements is one that is not there.
    return any(policy.get(part) is not None and policy[part] != [] for part in parts)


def _part_problems(policy: Object, namespace: str) -> Iterator[str]:
    outlier = policy.get("outlierDetection")
    if outlier is not None:
        yield from _outlier_problems(outlier)
    if policy.get("connectionPool") is not None:
        yield from _pool_problems(policy["connectionPool"])
    yield from load_balancer_problems(mapping(policy.get("loadBalancer")))
    yield from _tls_problems(mapping(policy.get("tls")), namespace)


def _outlier_problems(outlier: Object) -> Iterator[str]:
    yield from _time_problems(outlier, "baseEjectionTime", "interval")
    if (outlier.get("consecutiveLocalOriginFailures") or 0) > 0 and not outlier.get(
        "splitExternalLocalOriginErrors"
    ):
        yield (
            "outlier detection consecutive local origin failures is specified, "
            "but split external local origin errors is set to false"
        )
    for share in (outlier.get("maxEjectionPercent") or 0, outlier.get("minHealthPercent") or 0):
        if not 0 <= share <= 100:
            yield f"percentage {share} is not in range 0..100"


def _pool_problems(pool: Object) -> Iterator[str]:
    http, tcp = pool.get("http"), pool.get("tcp")
    if http is None and tcp is None:
        yield "connection pool must have at least one field"
    http, tcp = mapping(http), mapping(tcp)
    for name, words in NOT_NEGATIVE.items():
        if (http.get(name) or 0) < 0:
            yield f"{words} must be non-negative"
    yield from _time_problems(http, "idleTimeout")
    if http.get("h2UpgradePolicy") == "UPGRADE" and http.get("useClientProtocol"):
        yield "use client protocol must not be true when H2UpgradePolicy is UPGRADE"
    if http.get("http2KeepAlive") is not None:
        for name in ("interval", "timeout"):
            if http["http2KeepAlive"].get(name) is None:
                yield f"http2 keepalive {name} is required"
        yield from _time_problems(http["http2KeepAlive"], "interval", "timeout")
    if (tcp.get("maxConnections") or 0) < 0:
        yield "max connections must be non-negative"
    yield from _time_problems(tcp, "connectTimeout", "maxConnectionDuration")
    yield from _idle_problems(tcp.get("idleTimeout"))
    yield from _time_problems(mapping(tcp.get("tcpKeepalive")), "time", "interval")


NOT_NEGATIVE = {
    "http1MaxPendingRequests": "http1 max pending requests",
    "http2MaxRequests": "http2 max requests",
    "maxRequestsPerConnection": "max requests per connection",
    "maxRetries": "max retries",
    "maxConcurrentStreams": "max concurrent streams",
}


def _idle_problems(text: str | None) -> Iterator[str]:
    """Less than a millisecond means that there is no such limit."""
    time = nanoseconds(text) if text else None
    if text and time is not None and abs(time) >= MILLISECOND:
        yield from duration_problems(text)


def _time_problems(part: Object, *names: str) -> Iterator[str]:
    for name in names:
        if part.get(name) is not None:
            yield from duration_problems(part[name])


def _tunnel_problems(tunnel: Object) -> Iterator[str]:
    if tunnel.get("protocol") not in (None, "", "CONNECT", "POST"):
        yield 'tunnel protocol must be "CONNECT" or "POST"'
    host = tunnel.get("targetHost") or ""
    not_name, not_address = list(full_name_problems(host)), list(address_problems(host))
    if not_name and not_address:
        yield f"tunnel target host must be valid FQDN or IP address: {not_name[0]}; {not_address[0]}"
    for problem in port_problems(tunnel.get("targetPort") or 0):
        yield f"tunnel target port is invalid: {problem}"


def _tls_problems(tls: Object, namespace: str) -> Iterator[str]:
    mode, credential = tls.get("mode") or "DISABLE", tls.get("credentialName") or ""
    if credential.startswith(CONFIG_MAP):
        for problem in _config_map_problems(credential, namespace):
            yield f"invalid configmap:// credentialName: {problem}"
    if mode in UNVERIFIED and tls.get("insecureSkipVerify"):
        fields, words = UNVERIFIED[mode]
        if any(tls.get(field) for field in fields):
            yield f"cannot specify {words} when InsecureSkipVerify is set true"
    if mode in ("SIMPLE", "MUTUAL") and credential:
        if any(tls.get(name) for name in ("clientCertificate", "privateKey", "caCertificates", "caCrl")):
            yield "cannot specify client certificates or CA certificate or CA CRL If credentialName is set"
    elif mode == "MUTUAL":
        if not tls.get("clientCertificate"):
            yield "client certificate required for mutual tls"
        if not tls.get("privateKey"):
            yield "private key required for mutual tls"


def _config_map_problems(credential: str, namespace: str) -> Iterator[str]:
    where, slash, name = credential.removeprefix(CONFIG_MAP).partition("/")
    for missing, is_missing in (
        ("namespace and name", not slash),
        ("namespace", not where),
        ("name", not name),
    ):
        if is_missing:
            yield f"invalid resource name {quoted(credential)}. Expected {missing}"
            return
    if where != namespace:
        yield f"namespace must match the configuration namespace {quoted(namespace)}"


# What says how a server is verified, and so contradicts that it is not.
UNVERIFIED = {
    "SIMPLE": (
        ("caCertificates", "credentialName", "subjectAltNames"),
        "CaCertificates or CredentialName or SubjectAltNames",
    ),
    "MUTUAL": (("caCertificates", "subjectAltNames"), "CaCertificates or SubjectAltNames"),
}
