"""Network filters: the HTTP connection manager and the opaque TCP proxy."""

from __future__ import annotations

from collections.abc import Sequence

from lab.mesh.envoy import access_log
from lab.mesh.envoy.proto import Message, extension

FILTERS = "envoy.extensions.filters"
NOBODY = {"address_prefix": "0.0.0.0", "prefix_len": 32}


def http_inbound(
    stat_prefix: str, cluster: str, filters: Sequence[Message], *, tells_identity: bool = True
) -> Message:
    """HTTP to the application, through the filters.

    The client's identity is appended to `x-forwarded-client-cert` when the connection proved one; from a peer
    in plain text Envoy removes the header, so that nobody can forge it. If the application is not to be told,
    the header is always removed.
    """
    identity: Message = {"forward_client_cert_details": "SANITIZE"}
    if tells_identity:
        identity = {
            "forward_client_cert_details": "APPEND_FORWARD",
            "set_current_client_cert_details": {"subject": True, "uri": True, "dns": True},
        }
    return _manager(
        stat_prefix,
        filters,
        server_name="istio-envoy",
        **identity,
        route_config={
            "name": cluster,
            "virtual_hosts": [
                {
                    "name": stat_prefix,
                    "domains": ["*"],
                    "routes": [{"match": {"prefix": "/"}, "route": {"cluster": cluster, "timeout": "0s"}}],
                }
            ],
            "validate_clusters": False,
        },
    )


def http_outbound(stat_prefix: str, routes: str) -> Message:
    """HTTP from the application, which may not claim an identity of its own; routes by their name."""
    return _manager(
        stat_prefix,
        (),
        server_name="envoy",
        forward_client_cert_details="SANITIZE",
        rds={"route_config_name": routes},
    )


def http_gateway(routes: str, filters: Sequence[Message]) -> Message:
    """HTTP from outside the mesh, through the filters; routes by their name.

    Nothing that such a client says of itself is believed: not its address, not its identity (a header that
    names one is replaced by what the connection proved, if anything), and no instruction to the proxy.
    """
    return _manager(
        f"outbound_{routes}",
        filters,
        server_name="istio-envoy",
        use_remote_address=True,
        # Whoever calls is outside. Without any range Envoy takes all private addresses to be inside.
        internal_address_config={"cidr_ranges": [NOBODY]},
        forward_client_cert_details="SANITIZE_SET",
        set_current_client_cert_details={"subject": True, "cert": True, "uri": True, "dns": True},
        rds={"route_config_name": routes},
    )


def http_fixed(stat_prefix: str, path: str) -> Message:
    """Responds to one path with 200, and to any other with 404."""
    routes = [{"match": {"path": path}, "direct_response": {"status": 200}}]
    host = {"name": stat_prefix, "domains": ["*"], "routes": routes}
    return _manager(stat_prefix, (), route_config={"name": stat_prefix, "virtual_hosts": [host]})


def tcp(cluster: str) -> Message:
    """TCP: forwards bytes."""
    return extension(
        "envoy.filters.network.tcp_proxy",
        f"{FILTERS}.network.tcp_proxy.v3.TcpProxy",
        stat_prefix=cluster,
        cluster=cluster,
        access_log=access_log.of_connections(),
    )


def _manager(stat_prefix: str, filters: Sequence[Message], **settings: object) -> Message:
    return extension(
        "envoy.filters.network.http_connection_manager",
        f"{FILTERS}.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix=stat_prefix,
        http_filters=[*filters, extension("envoy.filters.http.router", f"{FILTERS}.http.router.v3.Router")],
        access_log=access_log.of_requests(),
        # Istio's default normalisation of paths, BASE: RFC 3986, with slashes left as they are.
        normalize_path=True,
        merge_slashes=False,
        path_with_escaped_slashes_action="KEEP_UNCHANGED",
        stream_idle_timeout="0s",
        upgrade_configs=[{"upgrade_type": "websocket"}],
        **{"use_remote_address": False, **settings},
    )
