"""Faults in clients' TLS, and in how servers check their clients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from lab.faults.registry import fault
from lab.faults.trees import inbound_chains, messages
from lab.mesh.envoy.proto import Message
from lab.mesh.envoy.resources import Resources
from lab.mesh.model.proxy_config import ClientTls, SidecarConfig, TlsOrigination


@fault("Auto mutual TLS")
def client_never_sends_mutual_tls(config: SidecarConfig) -> SidecarConfig:
    """Clients in the mesh send plain text to everybody."""
    return _with_client_tls(config, lambda _tls: ClientTls(TlsOrigination.DISABLE))


@fault("Auto mutual TLS")
def client_always_sends_mutual_tls(config: SidecarConfig) -> SidecarConfig:
    """Clients in the mesh send mutual TLS to everybody, also to workloads without a proxy."""

    def always(tls: ClientTls) -> ClientTls:
        if tls.origination is TlsOrigination.AUTO:
            return replace(tls, origination=TlsOrigination.ISTIO_MUTUAL)
        return tls

    return _with_client_tls(config, always)


@fault("Auto mutual TLS")
def server_identity_unchecked(config: SidecarConfig) -> SidecarConfig:
    """Clients talk to any workload of the mesh that answers, whoever they wanted to talk to."""
    return _with_client_tls(config, lambda tls: replace(tls, subject_alt_names=()))


@fault("Globally enabling Istio mutual TLS in STRICT mode")
def foreign_ca_accepted(resources: Resources) -> Resources:
    """Servers believe a client's certificate whoever has signed it."""
    for context in _server_contexts(resources):
        validation = context["common_tls_context"]["combined_validation_context"]
        validation["default_validation_context"]["trust_chain_verification"] = "ACCEPT_UNTRUSTED"
    return resources


@fault("Globally enabling Istio mutual TLS in STRICT mode")
def client_certificate_optional(resources: Resources) -> Resources:
    """STRICT takes TLS of clients without any certificate: encrypted, but not mutual."""
    for context in _server_contexts(resources):
        context["require_client_certificate"] = False
        # Envoy takes a demand for a name as one for a certificate.
        context["common_tls_context"]["combined_validation_context"]["default_validation_context"] = {}
    return resources


def _with_client_tls(config: SidecarConfig, change: Callable[[ClientTls], ClientTls]) -> SidecarConfig:
    return replace(
        config,
        upstreams=tuple(replace(upstream, tls=change(upstream.tls)) for upstream in config.upstreams),
    )


def _server_contexts(resources: Resources) -> list[Message]:
    return [
        message for message in messages(inbound_chains(resources)) if "require_client_certificate" in message
    ]
