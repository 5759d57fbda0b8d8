"""The inbound listener of a sidecar: filter chains by port, TLS and protocol.

A connection that no filter chain matches is closed unanswered; that is what STRICT does to plain text. Envoy
looks for the port first and does not come back from it, so the chains of a port stand alone.

    mode        HTTP declared          TCP declared                  undeclared, or no Service
    ANY_TLS     TLS                    TLS                           TLS (HTTP or not)
    STRICT      mTLS                   mTLS                          mTLS (HTTP or not)
    PERMISSIVE  mTLS by ALPN, plain    mTLS by ALPN, TLS as is,      mTLS by ALPN (HTTP or not), TLS as is,
                                       plain                         plain HTTP, plain
    DISABLE     plain                  as is                         plain HTTP, as is

Where ALPN is not to tell mutual TLS from other TLS, a PERMISSIVE port takes all TLS to be mutual TLS.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lab.mesh.envoy import access_log, network, tls
from lab.mesh.envoy.clusters import BLACK_HOLE, INBOUND_PASSTHROUGH, inbound_name
from lab.mesh.envoy.proto import (
    MESH_ALPN,
    MESH_HTTP_ALPN,
    PLAIN_HTTP,
    Message,
    address,
    http_inspector,
    original_dst,
    tls_inspector,
)
from lab.mesh.envoy.request_security import http_filters, network_filters
from lab.mesh.model import ports
from lab.mesh.model.proxy_config import Inbound, InboundPort, MutualTls, Protocol, RequestSecurity
from lab.mesh.model.tokens import TokenCheck

LISTENER = "virtualInbound"


@dataclass(frozen=True)
class Chain:
    """A filter chain of a port. `transport` None: whatever the bytes are."""

    label: str
    http: bool
    mutual_tls: bool
    transport: str | None = None
    alpn: tuple[str, ...] = ()
    certificate: bool = True
    """Whether a client must have one; of mutual TLS only."""


_PLAIN = Chain("plain", http=False, mutual_tls=False, transport="raw_buffer")
_PLAIN_HTTP = replace(_PLAIN, http=True)
_SNIFFED_HTTP = Chain("plain-http", http=True, mutual_tls=False, alpn=PLAIN_HTTP)
_SNIFFED_PLAIN_HTTP = replace(_SNIFFED_HTTP, transport="raw_buffer")
_AS_IS = Chain("as-is", http=False, mutual_tls=False)
_FOREIGN_TLS = Chain("foreign-tls", http=False, mutual_tls=False, transport="tls")
_MTLS = Chain("mtls", http=False, mutual_tls=True, transport="tls")
_MTLS_HTTP = replace(_MTLS, http=True)
_MESH_MTLS = replace(_MTLS, alpn=MESH_ALPN)
_MESH_MTLS_HTTP = replace(_MTLS_HTTP, alpn=MESH_ALPN)
_SNIFFED_MTLS_HTTP = Chain("mtls-http", http=True, mutual_tls=True, transport="tls", alpn=MESH_HTTP_ALPN)
_SNIFFED_MTLS = replace(_MTLS, alpn=tuple(name for name in MESH_ALPN if name not in MESH_HTTP_ALPN))

# "Undeclared" stands for ports without any Service as well.
_STRICT = {
    Protocol.HTTP: (_MTLS_HTTP,),
    Protocol.TCP: (_MTLS,),
    Protocol.UNDECLARED: (_SNIFFED_MTLS_HTTP, _MTLS),
}
CHAINS: dict[MutualTls, dict[Protocol, tuple[Chain, ...]]] = {
    MutualTls.STRICT: _STRICT,
    MutualTls.ANY_TLS: {
        protocol: tuple(replace(chain, certificate=False) for chain in chains)
        for protocol, chains in _STRICT.items()
    },
    MutualTls.PERMISSIVE: {
        Protocol.HTTP: (_MESH_MTLS_HTTP, _PLAIN_HTTP),
        Protocol.TCP: (_MESH_MTLS, _FOREIGN_TLS, _PLAIN),
        Protocol.UNDECLARED: (_SNIFFED_MTLS_HTTP, _SNIFFED_MTLS, _FOREIGN_TLS, _SNIFFED_PLAIN_HTTP, _PLAIN),
    },
    MutualTls.DISABLE: {
        Protocol.HTTP: (replace(_AS_IS, http=True),),
        Protocol.TCP: (_AS_IS,),
        Protocol.UNDECLARED: (_SNIFFED_HTTP, _AS_IS),
    },
}

ALL_TLS_IS_MUTUAL: dict[Protocol, tuple[Chain, ...]] = {
    Protocol.HTTP: (_MTLS_HTTP, _PLAIN_HTTP),
    Protocol.TCP: (_MTLS, _PLAIN),
    Protocol.UNDECLARED: (_SNIFFED_MTLS_HTTP, _MTLS, _SNIFFED_PLAIN_HTTP, _PLAIN),
}
"""PERMISSIVE without ALPN."""


@dataclass(frozen=True)
class ListenerContext:
    """What all chains of one listener have in common."""

    inbound: Inbound
    security: RequestSecurity
    folder: Path


def listener(inbound: Inbound, security: RequestSecurity, folder: Path) -> Message:
    """The listener that the capture rules redirect every inbound connection to."""
    context = ListenerContext(inbound, security, folder)
    return {
        "name": LISTENER,
        "address": address("0.0.0.0", ports.INBOUND),
        "traffic_direction": "INBOUND",
        "listener_filters": [
            original_dst(),
            _where_needed(tls_inspector(), _needs_tls_inspector, inbound),
            _where_needed(http_inspector(), _needs_http_inspector, inbound),
        ],
        "listener_filters_timeout": "0s",
        "continue_on_listener_filters_timeout": True,
        "access_log": access_log.of_refused_connections(),
        "filter_chains": [
            _loop_guard(),
            *(chain for port in inbound.ports for chain in _chains_of(port, context)),
            *_chains_of_other_ports(context),
        ],
    }


def _loop_guard() -> Message:
    """The listener's own port: a connection to it would come back for ever.

    One to the outbound listener's port is ended by that.
    """
    return {
        "name": f"{LISTENER}-blackhole",
        "filter_chain_match": {"destination_port": ports.INBOUND},
        "filters": [network.tcp(BLACK_HOLE)],
    }


def _chains_of(port: InboundPort, context: ListenerContext) -> Iterator[Message]:
    cluster = inbound_name(port.port) if port.bound else INBOUND_PASSTHROUGH
    for chain in _chains(port.mode, port.protocol, context.inbound):
        built = _filter_chain(chain, f"inbound_0.0.0.0_{port.port}", cluster, context, port.tokens)
        built["filter_chain_match"]["destination_port"] = port.port
        yield built


def _chains_of_other_ports(context: ListenerContext) -> Iterator[Message]:
    for chain in _chains(context.inbound.default_mode, Protocol.UNDECLARED, context.inbound):
        yield _filter_chain(chain, LISTENER, INBOUND_PASSTHROUGH, context)


def _chains(mode: MutualTls, protocol: Protocol, inbound: Inbound) -> tuple[Chain, ...]:
    by_protocol = CHAINS[mode]
    if mode is MutualTls.PERMISSIVE and not inbound.mesh_alpn:
        by_protocol = ALL_TLS_IS_MUTUAL
    return by_protocol[Protocol.HTTP if protocol.is_http else protocol]


def _filter_chain(
    chain: Chain, prefix: str, cluster: str, context: ListenerContext, tokens: TokenCheck | None = None
) -> Message:
    match: Message = {}
    if chain.transport is not None:
        match["transport_protocol"] = chain.transport
    if chain.alpn:
        match["application_protocols"] = list(chain.alpn)
    if chain.http:
        http = http_filters(context.security, tokens)
        filters = [network.http_inbound(prefix, cluster, http, tells_identity=context.inbound.tells_identity)]
    else:
        filters = [*network_filters(context.security), network.tcp(cluster)]
    built: Message = {
        "name": f"{prefix}-{chain.label}",
        "filter_chain_match": match,
        "filters": filters,
    }
    if chain.mutual_tls:
        built["transport_socket"] = tls.server(
            context.folder, context.inbound.trust_domains, require_certificate=chain.certificate
        )
    return built


def _needs_tls_inspector(mode: MutualTls, protocol: Protocol) -> bool:  # noqa: ARG001 - one signature for both
    return mode is not MutualTls.DISABLE


def _needs_http_inspector(mode: MutualTls, protocol: Protocol) -> bool:
    return mode not in (MutualTls.STRICT, MutualTls.ANY_TLS) and protocol is Protocol.UNDECLARED


def _where_needed(
    inspector: Message, needed: Callable[[MutualTls, Protocol], bool], inbound: Inbound
) -> Message:
    """An inspector waits for the client's first bytes, so it must not run where the server speaks first."""
    by_default = needed(inbound.default_mode, Protocol.UNDECLARED)
    others = [port.port for port in inbound.ports if needed(port.mode, port.protocol) is not by_default]
    if by_default:
        return inspector | {"filter_disabled": _any_of(others)} if others else inspector
    return inspector | {"filter_disabled": {"not_match": _any_of(others)} if others else {"any_match": True}}


def _any_of(ports: Sequence[int]) -> Message:
    ranges: list[Message] = [{"destination_port_range": {"start": port, "end": port + 1}} for port in ports]
    return ranges[0] if len(ranges) == 1 else {"or_match": {"rules": ranges}}
