"""From the policies of the current API to the model: what each gateway must do."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from lab.mesh.config.current.policies import Policies
from lab.mesh.config.current.security import Target, request_security
from lab.mesh.config.current.sidecar import upstreams_of
from lab.mesh.config.gateway_api import routing
from lab.mesh.config.gateway_api.gateways import NAME_LABEL
from lab.mesh.config.networking import gateway_listeners, upstreams
from lab.mesh.model.proxy_config import GatewayConfig, Listener
from lab.mesh.model.routing import VirtualHost
from lab.mesh.workloads.service_registry import Workload


def gateway_config(policies: Policies, workload: Workload) -> GatewayConfig:
    """What the gateway of this pod must do."""
    registry, labels = policies.registry, workload.labels
    listeners = _merged(
        gateway_listeners.listeners(policies.gateways, policies.virtual_services, registry, workload),
        routing.listeners(policies.gateway_api, registry, workload),
    )
    return GatewayConfig(
        name=workload.name,
        namespace=workload.namespace,
        uid=workload.uid,
        identity=policies.registry.identity(workload),
        trust_domains=(policies.registry.trust_domain,),
        listeners=listeners,
        upstreams=tuple(
            upstreams.named_by(listeners, registry.services, partial(upstreams_of, policies, workload))
        ),
        security=request_security(policies, Target(workload.namespace, labels, labels.get(NAME_LABEL))),
    )


def _merged(one: Iterable[Listener], other: Iterable[Listener]) -> tuple[Listener, ...]:
    """Two APIs may open the same port of a gateway; a host that both serve is the first one's."""
    ports: dict[int, dict[tuple[str, ...], VirtualHost]] = {}
    for listener in (*one, *other):
        hosts = ports.setdefault(listener.port, {})
        for host in listener.virtual_hosts:
            hosts.setdefault(host.domains, host)
    return tuple(Listener(port, tuple(hosts.values())) for port, hosts in sorted(ports.items()))
