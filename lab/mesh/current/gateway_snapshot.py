"""From the policies of the current API to the model: what each gateway must do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lab.mesh.current import gateway_listeners
from lab.mesh.current.policies import Policies
from lab.mesh.current.security import Target, request_security
from lab.mesh.current.snapshot import upstreams_of
from lab.mesh.gateway_api import routing
from lab.mesh.gateway_api.gateways import NAME_LABEL
from lab.mesh.model import GatewaySnapshot, Listener, Upstream
from lab.mesh.routing import Forward, VirtualHost
from lab.mesh.world import Workload

Key = tuple[str, int, str]


def gateway_snapshot(policies: Policies, workload: Workload) -> GatewaySnapshot:
    """What the gateway of this pod must do."""
    world, labels = policies.world, workload.labels
    listeners = _merged(
        gateway_listeners.listeners(policies.gateways, policies.virtual_services, world, workload),
        routing.listeners(policies.gateway_api, world, workload),
    )
    return GatewaySnapshot(
        name=workload.name,
        namespace=workload.namespace,
        uid=workload.uid,
        identity=policies.world.identity(workload),
        trust_domains=(policies.world.trust_domain,),
        listeners=listeners,
        upstreams=tuple(_upstreams(policies, workload, set(_named(listeners)))),
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


def _upstreams(policies: Policies, workload: Workload, wanted: set[Key]) -> Iterator[Upstream]:
    """Only what routes name: others would cost memory and could not be asked for."""
    hosts = {host for host, _, _ in wanted}
    for service in policies.world.services:
        if service.host in hosts:
            for upstream in upstreams_of(policies, workload, service):
                if (upstream.host, upstream.port, upstream.subset) in wanted:
                    yield upstream


def _named(listeners: Iterable[Listener]) -> Iterator[Key]:
    for listener in listeners:
        for host in listener.virtual_hosts:
            for route in host.routes:
                if isinstance(route.action, Forward):
                    for each in route.action.destinations:
                        yield each.host, each.port, each.subset
