"""Transport sockets: TLS with clients and with services."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from lab.mesh.envoy import secrets
from lab.mesh.envoy.proto import Message, extension
from lab.mesh.model.proxy_config import ClientTls, Protocol, TlsOrigination

SOCKETS = "envoy.extensions.transport_sockets"

# The first one that a server's filter chain names decides; so HTTP says first that it is HTTP. Upstream Envoy
# cannot choose by request as Istio's own filter does, hence one list for each protocol of a cluster.
CLIENT_ALPN = {
    Protocol.HTTP: ("istio-http/1.1", "istio", "http/1.1"),
    Protocol.HTTP2: ("istio-h2", "istio", "h2"),
    Protocol.TCP: ("istio-peer-exchange", "istio"),
}


def server(folder: Path, trust_domains: Iterable[str], *, require_certificate: bool = True) -> Message:
    """Mutual TLS with any peer of the trust domains; none: with any peer that has a certificate of the mesh.

    A certificate that is not required is verified if there is one.
    """
    names = [_uri({"prefix": f"spiffe://{trust_domain}/"}) for trust_domain in trust_domains]
    context = _mesh_context(folder, names) | {"alpn_protocols": ["h2", "http/1.1"]}
    return extension(
        "envoy.transport_sockets.tls",
        f"{SOCKETS}.tls.v3.DownstreamTlsContext",
        common_tls_context=context,
        require_client_certificate=require_certificate,
    )


def mesh_client(tls: ClientTls, protocol: Protocol, folder: Path, trust_domains: Iterable[str]) -> Message:
    """Mutual TLS with a server of the mesh whose identity is one of `subject_alt_names`.

    With no identity to expect (a service without any pod) the server must at least be of the mesh.
    """
    expected = [_uri({"exact": name}) for name in tls.subject_alt_names]
    of_mesh = [_uri({"prefix": f"spiffe://{trust_domain}/"}) for trust_domain in trust_domains]
    context = _mesh_context(folder, expected or of_mesh) | {"alpn_protocols": list(CLIENT_ALPN[protocol])}
    return _client(context, tls.sni)


def outside_client(tls: ClientTls, protocol: Protocol, folder: Path) -> Message:
    """TLS with a server outside the mesh's own trust: `SIMPLE` and `MUTUAL`."""
    context: Message = {"tls_params": _versions()}
    if protocol is Protocol.HTTP2:
        context["alpn_protocols"] = ["h2"]
    if tls.origination is TlsOrigination.MUTUAL:
        context["tls_certificate_sds_secret_configs"] = [
            secrets.reference(secrets.certificate_name(tls), folder)
        ]
    if tls.verify:
        names = [
            {"san_type": kind, "matcher": {"exact": name}}
            for name in tls.subject_alt_names
            for kind in ("URI", "DNS")
        ]
        context |= _validation(names, secrets.authorities_name(tls), folder)
    return _client(context, tls.sni)


def own_certificate(folder: Path) -> Message:
    """TLS with the workload's certificate, and nobody to talk to."""
    return _client({"tls_certificate_sds_secret_configs": [secrets.reference(secrets.WORKLOAD, folder)]}, "")


def plain() -> Message:
    return extension("envoy.transport_sockets.raw_buffer", f"{SOCKETS}.raw_buffer.v3.RawBuffer")


def _client(context: Message, sni: str) -> Message:
    return extension(
        "envoy.transport_sockets.tls",
        f"{SOCKETS}.tls.v3.UpstreamTlsContext",
        common_tls_context=context,
        sni=sni,
    )


def _mesh_context(folder: Path, names: Sequence[Message]) -> Message:
    return {
        "tls_params": _versions(),
        "tls_certificate_sds_secret_configs": [secrets.reference(secrets.WORKLOAD, folder)],
    } | _validation(names, secrets.ROOT, folder)


def _validation(names: Sequence[Message], authorities: str, folder: Path) -> Message:
    return {
        "combined_validation_context": {
            "default_validation_context": {"match_typed_subject_alt_names": list(names)},
            "validation_context_sds_secret_config": secrets.reference(authorities, folder),
        }
    }


def _uri(matcher: Message) -> Message:
    return {"san_type": "URI", "matcher": matcher}


def _versions() -> Message:
    return {"tls_minimum_protocol_version": "TLSv1_2", "tls_maximum_protocol_version": "TLSv1_3"}
