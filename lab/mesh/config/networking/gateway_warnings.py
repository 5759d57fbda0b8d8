"""Warnings about valid Gateways, in the words of Istio's webhook."""

from __future__ import annotations

from collections.abc import Iterator

from lab.kube.client import Object
from lab.mesh.config.webhook import mapping, sequence

HTTP = ("http", "http2", "http_proxy", "grpc", "grpc-web")
CIPHERS = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
    "ECDHE-ECDSA-AES128-SHA",
    "ECDHE-RSA-AES128-SHA",
    "ECDHE-ECDSA-AES256-SHA",
    "ECDHE-RSA-AES256-SHA",
    "AES128-GCM-SHA256",
    "AES256-GCM-SHA384",
    "AES128-SHA",
    "AES256-SHA",
    "DES-CBC3-SHA",
)
CERTIFICATES = (
    "caCrl",
    "serverCertificate",
    "privateKey",
    "caCertificates",
    "tlsCertificates",
    "credentialName",
    "credentialNames",
)


def gateway_warnings(spec: Object) -> Iterator[str]:
    """The warnings about a Gateway, in Istio's order."""
    servers = [mapping(server) for server in sequence(spec.get("servers"))]
    for server in servers:
        yield from _tls_warnings(mapping(server.get("tls")))
    for server in servers:
        protocol = mapping(server.get("port")).get("protocol") or ""
        if protocol.lower() not in HTTP and mapping(server.get("tls")).get("httpsRedirect"):
            yield "tls.httpsRedirect should only be used with http servers"


def _tls_warnings(tls: Object) -> Iterator[str]:
    mode, suites = tls.get("mode") or "PASSTHROUGH", sequence(tls.get("cipherSuites"))
    if tls.get("minProtocolVersion") in ("TLSV1_0", "TLSV1_1") and not suites:
        yield (
            "TLS version below TLSV1_2 require setting compatible ciphers "
            "as by default they no longer include compatible ciphers."
        )
    invalid = {suite for suite in suites if not _is_cipher(suite)}
    if invalid:
        yield f"ignoring invalid cipher suites: {_listed(invalid)}"
    twice = {suite for suite in suites if suites.count(suite) > 1} - invalid
    if twice:
        yield f"ignoring duplicate cipher suites: {_listed(twice)}"
    if mode in ("PASSTHROUGH", "AUTO_PASSTHROUGH") and any(tls.get(field) for field in CERTIFICATES):
        yield f"{mode} mode does not use certificates, they will be ignored"


def _is_cipher(suite: str) -> bool:
    """Whether Istio knows a suite; what begins with a sign is an expression, which it leaves to Envoy."""
    return suite in ("", "ALL") or not suite[0].isalnum() or suite in CIPHERS


def _listed(suites: set[str]) -> str:
    return f"[{' '.join(sorted(suites))}]"
