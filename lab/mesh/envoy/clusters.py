"""Clusters and their endpoints: where a proxy sends connections and requests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lab.mesh.envoy import tls
from lab.mesh.envoy.proto import INBOUND_SOURCE, MARK, Message, address, typed
from lab.mesh.model.proxy_config import (
    GatewayConfig,
    Inbound,
    Protocol,
    SidecarConfig,
    TlsOrigination,
    Upstream,
)
from lab.mesh.model.routing import Destination

INBOUND_PASSTHROUGH = "InboundPassthroughCluster"
PASSTHROUGH = "PassthroughCluster"
BLACK_HOLE = "BlackHoleCluster"

HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
TLS_MODE = "tlsMode"
ANY_SOURCE = "0.0.0.0"
MATCH_METADATA = "envoy.transport_socket_match"

NO_REUSE = {"max_requests_per_connection": 1}
"""A pooled connection would outlive a policy change, and be closed by the server when it is used."""


def upstream_name(upstream: Upstream) -> str:
    return f"outbound|{upstream.port}|{upstream.subset}|{upstream.host}"


def destination_name(destination: Destination) -> str:
    """The name of a route's cluster."""
    return f"outbound|{destination.port}|{destination.subset}|{destination.host}"


def opaque_name(upstream: Upstream) -> str:
    """The cluster for bytes that are not (known to be) HTTP. Undeclared ports have one beside the other."""
    name = upstream_name(upstream)
    return f"{name}~tcp" if upstream.protocol is Protocol.UNDECLARED else name


def inbound_name(port: int) -> str:
    return f"inbound|{port}||"


def build(config: SidecarConfig, folder: Path) -> list[Message]:
    """All clusters of a sidecar."""
    return [
        *(
            cluster
            for upstream in config.upstreams
            for cluster in _outbound(upstream, config.inbound.trust_domains, folder)
        ),
        *_inbound(config.inbound),
        _original_destination(PASSTHROUGH, ANY_SOURCE, Protocol.UNDECLARED),
        {"name": BLACK_HOLE, "type": "STATIC", "connect_timeout": "10s"} | _marked(ANY_SOURCE),
    ]


def of_gateway(config: GatewayConfig, folder: Path) -> list[Message]:
    """All clusters of a gateway. Its clients do not know the endpoints, so it always load balances."""
    return [
        _load_balanced(upstream_name(upstream), upstream, _spoken_by_gateway(upstream))
        | _client_tls(upstream, _spoken_by_gateway(upstream), config.trust_domains, folder)
        for upstream in config.upstreams
    ]


def _spoken_by_gateway(upstream: Upstream) -> Protocol:
    """What comes through its routes is HTTP, whatever the service's port declares."""
    return Protocol.HTTP2 if upstream.protocol is Protocol.HTTP2 else Protocol.HTTP


def _assignment(name: str, upstream: Upstream) -> Message:
    return {
        "cluster_name": name,
        "endpoints": [
            {
                "lb_endpoints": [
                    {
                        "endpoint": {"address": address(endpoint.address, endpoint.port)},
                        "metadata": {
                            "filter_metadata": {
                                MATCH_METADATA: {TLS_MODE: "istio" if endpoint.mesh else "disabled"}
                            }
                        },
                    }
                    for endpoint in upstream.endpoints
                ]
            }
        ],
    }


def _outbound(upstream: Upstream, trust_domains: Sequence[str], folder: Path) -> list[Message]:
    if upstream.protocol is not Protocol.UNDECLARED:
        return [_service(upstream_name(upstream), upstream, upstream.protocol, trust_domains, folder)]
    return [
        _service(upstream_name(upstream), upstream, Protocol.HTTP, trust_domains, folder),
        _service(opaque_name(upstream), upstream, Protocol.TCP, trust_domains, folder),
    ]


def _service(
    name: str, upstream: Upstream, protocol: Protocol, trust_domains: Sequence[str], folder: Path
) -> Message:
    if upstream.headless:
        cluster = _original_destination(name, ANY_SOURCE, protocol)
    else:
        cluster = _load_balanced(name, upstream, protocol)
    return cluster | _client_tls(upstream, protocol, trust_domains, folder)


def _load_balanced(name: str, upstream: Upstream, protocol: Protocol) -> Message:
    """A cluster whose endpoint the proxy chooses."""
    return {
        "name": name,
        "type": "STATIC",
        # Not in a file of its own: a proxy takes an inotify instance for each file that it watches, and a
        # user has 128 of them by default, which a few labs side by side would use up.
        "load_assignment": _assignment(name, upstream),
        "connect_timeout": "10s",
        **_marked(ANY_SOURCE),
        **_http(protocol),
    }


def _client_tls(
    upstream: Upstream, protocol: Protocol, trust_domains: Sequence[str], folder: Path
) -> Message:
    origination = upstream.tls.origination
    if origination is TlsOrigination.DISABLE:
        return {}
    if origination in (TlsOrigination.SIMPLE, TlsOrigination.MUTUAL):
        return {"transport_socket": tls.outside_client(upstream.tls, protocol, folder)}
    mutual = tls.mesh_client(upstream.tls, protocol, folder, trust_domains)
    if origination is TlsOrigination.ISTIO_MUTUAL:
        return {"transport_socket": mutual}
    return {
        "transport_socket_matches": [
            {"name": "tlsMode-istio", "match": {TLS_MODE: "istio"}, "transport_socket": mutual},
            {"name": "tlsMode-disabled", "match": {}, "transport_socket": tls.plain()},
        ]
    }


def _inbound(inbound: Inbound) -> list[Message]:
    return [
        *(
            _original_destination(inbound_name(port.port), INBOUND_SOURCE, port.protocol)
            for port in inbound.ports
            if port.bound
        ),
        _original_destination(INBOUND_PASSTHROUGH, INBOUND_SOURCE, Protocol.UNDECLARED),
    ]


def _original_destination(name: str, source: str, protocol: Protocol) -> Message:
    """A cluster that dials where the client was going before capture."""
    return {
        "name": name,
        "type": "ORIGINAL_DST",
        "lb_policy": "CLUSTER_PROVIDED",
        "connect_timeout": "10s",
        **_marked(source),
        **_http(protocol),
    }


def _marked(source: str) -> Message:
    """SOL_SOCKET (1), SO_MARK (36), set before bind; Envoy wants a source address beside the option."""
    return {
        "upstream_bind_config": {
            "source_address": {"address": source, "port_value": 0},
            "socket_options": [
                {
                    "description": "SO_MARK",
                    "level": 1,
                    "name": 36,
                    "int_value": MARK,
                    "state": "STATE_PREBIND",
                }
            ],
        }
    }


def _http(protocol: Protocol) -> Message:
    """HTTP towards the other side: as declared, else as the client spoke."""
    spoken: Message
    if protocol is Protocol.UNDECLARED:
        spoken = {
            "use_downstream_protocol_config": {"http_protocol_options": {}, "http2_protocol_options": {}}
        }
    elif protocol is Protocol.HTTP2:
        spoken = {"explicit_http_config": {"http2_protocol_options": {}}}
    else:
        spoken = {"explicit_http_config": {"http_protocol_options": {}}}
    options = typed(HTTP_OPTIONS, common_http_protocol_options=dict(NO_REUSE), **spoken)
    return {"typed_extension_protocol_options": {HTTP_OPTIONS: options}}
