"""The outbound listeners and routes: where a request of the application goes.

Everything arrives on one port and is handed to the listener for its original destination. HTTP ports have one
listener each, whose routes look at the Host header; the others have one for each virtual IP. What no listener
or no route knows goes out unmodified, in plain text.
"""

from __future__ import annotations

from collections.abc import Iterable

from lab.mesh.envoy import access_log, network
from lab.mesh.envoy.clusters import BLACK_HOLE, PASSTHROUGH, opaque_name, upstream_name
from lab.mesh.envoy.proto import (
    PLAIN_HTTP,
    Message,
    address,
    http_inspector,
    tls_inspector,
)
from lab.mesh.model import ports
from lab.mesh.model.proxy_config import Protocol, Upstream

LISTENER = "virtualOutbound"

# Istio's default. Its pause between attempts is shortened: an endpoint here is as near as can be, and a
# refusal that is certain need not take 75 ms.
RETRIES: Message = {
    "retry_on": "connect-failure,refused-stream,unavailable,cancelled,reset-before-request,"
    "retriable-status-codes",
    "retriable_status_codes": [503],
    "num_retries": 2,
    "host_selection_retry_max_attempts": 5,
    "retry_back_off": {"base_interval": "0.001s", "max_interval": "0.005s"},
}


def listeners(upstreams: tuple[Upstream, ...]) -> list[Message]:
    """The capturing listener and those it hands over to."""
    found = {LISTENER: _capture()}
    for upstream in _whole_services(upstreams):
        if upstream.protocol.is_http:
            hosts: Iterable[str] = ["0.0.0.0"]
            chains = _http_chains(http_routes_name(upstream.port), PASSTHROUGH)
        else:
            hosts, chains = _destinations(upstream), _opaque_chains(upstream)
        for host in hosts:
            name = f"{host}_{upstream.port}"
            found.setdefault(name, _listener(name, host, upstream.port, chains))
    return list(found.values())


def routes(upstreams: tuple[Upstream, ...]) -> dict[str, Message]:
    """Route configurations by name; one for each HTTP port, and one for each undeclared service port."""
    by_name: dict[str, list[Upstream]] = {}
    for upstream in _whole_services(upstreams):
        if upstream.protocol.is_http:
            by_name.setdefault(http_routes_name(upstream.port), []).append(upstream)
        elif upstream.protocol is Protocol.UNDECLARED:
            by_name.setdefault(own_routes_name(upstream), []).append(upstream)
    return {name: _routes(name, members) for name, members in by_name.items()}


def http_routes_name(port: int) -> str:
    return str(port)


def own_routes_name(upstream: Upstream) -> str:
    return f"{upstream.host}:{upstream.port}"


def _whole_services(upstreams: Iterable[Upstream]) -> Iterable[Upstream]:
    """Without subsets, which only a route can ask for."""
    return (upstream for upstream in upstreams if not upstream.subset)


def _destinations(upstream: Upstream) -> Iterable[str]:
    if upstream.headless:
        return [endpoint.address for endpoint in upstream.endpoints if endpoint.port == upstream.port]
    return upstream.addresses


def _capture() -> Message:
    return {
        "name": LISTENER,
        "address": address("0.0.0.0", ports.OUTBOUND),
        "traffic_direction": "OUTBOUND",
        "use_original_dst": True,
        "access_log": access_log.of_refused_connections(),
        "filter_chains": [
            {
                # A connection to this port itself would come back to it for ever.
                "name": f"{LISTENER}-blackhole",
                "filter_chain_match": {"destination_port": ports.OUTBOUND},
                "filters": [network.tcp(BLACK_HOLE)],
            },
            {"name": f"{LISTENER}-catchall-tcp", "filters": [network.tcp(PASSTHROUGH)]},
        ],
    }


def _listener(name: str, host: str, port: int, chains: Message) -> Message:
    return {
        "name": name,
        "address": address(host, port),
        "bind_to_port": False,
        "traffic_direction": "OUTBOUND",
        **chains,
    }


def _http_chains(routes_name: str, otherwise: str) -> Message:
    """HTTP by its routes; anything else (TLS of the application's own, say) as opaque bytes."""
    manager = network.http_outbound(f"outbound_{routes_name}", routes_name)
    match = {"transport_protocol": "raw_buffer", "application_protocols": list(PLAIN_HTTP)}
    return {
        "listener_filters": [tls_inspector(), http_inspector()],
        "listener_filters_timeout": "0s",
        "continue_on_listener_filters_timeout": True,
        "filter_chains": [{"name": "http", "filter_chain_match": match, "filters": [manager]}],
        "default_filter_chain": {"name": "opaque", "filters": [network.tcp(otherwise)]},
    }


def _opaque_chains(upstream: Upstream) -> Message:
    if upstream.protocol is Protocol.UNDECLARED:
        return _http_chains(own_routes_name(upstream), opaque_name(upstream))
    return {"filter_chains": [{"name": "opaque", "filters": [network.tcp(opaque_name(upstream))]}]}


def _routes(name: str, members: list[Upstream]) -> Message:
    return {
        "name": name,
        "virtual_hosts": [
            *(_virtual_host(upstream) for upstream in members),
            _host("allow_any", ["*"], PASSTHROUGH, {}),
        ],
        "validate_clusters": False,
    }


def _virtual_host(upstream: Upstream) -> Message:
    names = [upstream.host, *upstream.aliases]
    if upstream.headless:
        # Each of its pods may have a name of its own.
        names += [f"*.{name}" for name in names]
    names += upstream.addresses
    domains = [domain for name in names for domain in (name, f"{name}:{upstream.port}")]
    retries = {"retry_policy": RETRIES}
    return _host(f"{upstream.host}:{upstream.port}", domains, upstream_name(upstream), retries)


def _host(name: str, domains: list[str], cluster: str, extra: Message) -> Message:
    return {
        "name": name,
        "domains": domains,
        "include_request_attempt_count": True,
        "routes": [{"match": {"prefix": "/"}, "route": {"cluster": cluster, "timeout": "0s", **extra}}],
    }
