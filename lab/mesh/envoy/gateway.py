"""The resources of a gateway: a listener for each port that it opens, and one for its readiness probe."""

from __future__ import annotations

from pathlib import Path

from lab.mesh.envoy import access_log, bootstrap, clusters, network, route_tables, secrets
from lab.mesh.envoy.proto import Message, address
from lab.mesh.envoy.request_security import http_filters
from lab.mesh.envoy.resources import Resources
from lab.mesh.model.certificates import Certificate
from lab.mesh.model.ports import STATUS
from lab.mesh.model.proxy_config import GatewayConfig, Listener

STATUS_PATH = "/healthz/ready"


def build(config: GatewayConfig, folder: Path, certificate: Certificate, root: str) -> Resources:
    """The resources of one gateway, which lie in `folder`."""
    return Resources(
        config=config,
        bootstrap=bootstrap.build("router", config.name, config.namespace, folder),
        secrets=secrets.of_workload(certificate, root) | secrets.of_upstreams(config.upstreams),
        routes={
            routes_name(listener): route_tables.build(routes_name(listener), listener.virtual_hosts)
            for listener in config.listeners
        },
        clusters=clusters.of_gateway(config, folder),
        listeners=[*(_listener(listener, config) for listener in config.listeners), _status()],
    )


def routes_name(listener: Listener) -> str:
    return f"http.{listener.port}"


def _listener(listener: Listener, config: GatewayConfig) -> Message:
    name = routes_name(listener)
    filters = http_filters(config.security, listener.tokens)
    return {
        "name": f"0.0.0.0_{listener.port}",
        "address": address("0.0.0.0", listener.port),
        "traffic_direction": "OUTBOUND",
        "access_log": access_log.of_refused_connections(),
        "filter_chains": [{"filters": [network.http_gateway(name, filters)]}],
    }


def _status() -> Message:
    """For load balancers that ask whether the gateway serves."""
    return {
        "name": f"0.0.0.0_{STATUS}",
        "address": address("0.0.0.0", STATUS),
        "traffic_direction": "INBOUND",
        "filter_chains": [{"filters": [network.http_fixed("status", STATUS_PATH)]}],
    }
