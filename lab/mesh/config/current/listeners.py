"""The listeners of a gateway: the servers of networking.istio.io and the listeners of the Gateway API."""

from __future__ import annotations

from lab.mesh.config.current.policies import Policies
from lab.mesh.config.gateway_api import routing
from lab.mesh.config.networking import gateway_listeners
from lab.mesh.model.proxy_config import Listener
from lab.mesh.model.routing import VirtualHost
from lab.mesh.workloads.service_registry import Workload


def listeners(policies: Policies, workload: Workload) -> tuple[Listener, ...]:
    """Both APIs may open the same port; for a host that both serve, networking.istio.io wins."""
    ports: dict[int, dict[tuple[str, ...], VirtualHost]] = {}
    for listener in (
        *gateway_listeners.listeners(policies.networking, policies.registry, workload),
        *routing.listeners(policies.gateway_api, policies.registry, workload),
    ):
        hosts = ports.setdefault(listener.port, {})
        for host in listener.virtual_hosts:
            hosts.setdefault(host.domains, host)
    return tuple(Listener(port, tuple(hosts.values())) for port, hosts in sorted(ports.items()))
