"""Faults of X-Forwarded-Client-Cert, the evidence that mutual TLS is used, and of the identities in it."""

from __future__ import annotations

from dataclasses import replace

from lab.faults.registry import fault
from lab.faults.trees import http_managers, inbound_chains, messages, takes_mutual_tls
from lab.mesh.envoy.resources import Resources
from lab.mesh.model.proxy_config import SidecarConfig

HEADER = "x-forwarded-client-cert"
SERVER, CLIENT, HASH = (
    "%DOWNSTREAM_LOCAL_URI_SAN%",
    "%DOWNSTREAM_PEER_URI_SAN%",
    "%DOWNSTREAM_PEER_FINGERPRINT_256%",
)


@fault("Auto mutual TLS")
def xfcc_dropped(resources: Resources) -> Resources:
    """The server's proxy never tells the application who the client is."""
    for manager in http_managers(inbound_chains(resources)):
        manager["forward_client_cert_details"] = "SANITIZE"
    return resources


@fault("Auto mutual TLS")
def xfcc_ends_swapped(resources: Resources) -> Resources:
    """The header names the client as the server (By) and the server as the client (URI)."""
    return _written(resources, f'By={CLIENT};Hash={HASH};Subject="";URI={SERVER}')


@fault("Auto mutual TLS")
def xfcc_hash_wrong(resources: Resources) -> Resources:
    """The header's hash is that of no certificate."""
    return _written(resources, f'By={SERVER};Hash={"0" * 64};Subject="";URI={CLIENT}')


@fault("Auto mutual TLS")
def xfcc_in_plain_text(resources: Resources) -> Resources:
    """The header is there also when the request came in plain text, and names an identity."""
    invented = (
        f'By={resources.config.identity.uri};Hash={"0" * 64};Subject="";URI=spiffe://cluster.local/ns/x/sa/x'
    )
    return _written(resources, invented, mutual_tls=False)


@fault("Auto mutual TLS")
def xfcc_of_strangers_believed(resources: Resources) -> Resources:
    """A client without a proxy can make up the header."""
    for chain in inbound_chains(resources):
        if not takes_mutual_tls(chain):
            for manager in http_managers(chain):
                manager["forward_client_cert_details"] = "ALWAYS_FORWARD_ONLY"
    return resources


@fault("Auto mutual TLS")
def xfcc_of_applications_believed(resources: Resources) -> Resources:
    """An application behind a proxy can make up the header: its proxy lets it through."""
    for message in messages(resources.listeners):
        if message.get("forward_client_cert_details") == "SANITIZE":
            message["forward_client_cert_details"] = "ALWAYS_FORWARD_ONLY"
    return resources


@fault("Auto mutual TLS")
def everybody_is_the_default_account(config: SidecarConfig) -> SidecarConfig:
    """Certificates name the namespace's default account, whatever account the workload has."""
    return replace(
        config,
        identity=replace(config.identity, service_account="default"),
        # Such a mesh would not expect anything else of its servers.
        upstreams=tuple(
            replace(upstream, tls=replace(upstream.tls, subject_alt_names=()))
            for upstream in config.upstreams
        ),
    )


def _written(resources: Resources, value: str, *, mutual_tls: bool = True) -> Resources:
    """The header as somebody else would write it, over what the proxy has written."""
    header = {"header": {"key": HEADER, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
    for chain in inbound_chains(resources):
        if takes_mutual_tls(chain) is mutual_tls:
            for manager in http_managers(chain):
                manager["route_config"]["request_headers_to_add"] = [header]
    return resources
