"""The `ProxyConfig` of each proxy, built from what its policy API returns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from lab.mesh.config.policy_api import Declared, PolicyApi
from lab.mesh.model.proxy_config import GatewayConfig, Listener, ProxyConfig, SidecarConfig, Upstream
from lab.mesh.model.routing import Forward
from lab.mesh.workloads.service_registry import Workload

D = TypeVar("D", bound=Declared)


def proxy_config(api: PolicyApi[D], declared: D, workload: Workload) -> ProxyConfig:
    """What the proxy of this workload must do: its sidecar, or itself if it is a gateway."""
    build = gateway_config if workload.gateway else sidecar_config
    return build(api, declared, workload)


def sidecar_config(api: PolicyApi[D], declared: D, workload: Workload) -> SidecarConfig:
    return SidecarConfig(
        name=workload.name,
        namespace=workload.namespace,
        uid=workload.uid,
        identity=declared.registry.identity(workload),
        inbound=api.inbound(declared, workload),
        upstreams=tuple(
            upstream
            for service in declared.registry.services
            for upstream in api.upstreams(declared, workload, service)
        ),
        security=api.security(declared, workload),
    )


def gateway_config(api: PolicyApi[D], declared: D, workload: Workload) -> GatewayConfig:
    listeners = api.listeners(declared, workload)
    return GatewayConfig(
        name=workload.name,
        namespace=workload.namespace,
        uid=workload.uid,
        identity=declared.registry.identity(workload),
        trust_domains=(declared.registry.trust_domain,),
        listeners=listeners,
        upstreams=tuple(_named(api, declared, workload, listeners)),
        security=api.security(declared, workload),
    )


def _named(
    api: PolicyApi[D], declared: D, workload: Workload, listeners: Iterable[Listener]
) -> Iterator[Upstream]:
    """Only what the gateway's routes name: others would cost memory and could not be asked for."""
    wanted = set(_destinations(listeners))
    hosts = {host for host, _, _ in wanted}
    for service in declared.registry.services:
        if service.host in hosts:
            for upstream in api.upstreams(declared, workload, service):
                if (upstream.host, upstream.port, upstream.subset) in wanted:
                    yield upstream


def _destinations(listeners: Iterable[Listener]) -> Iterator[tuple[str, int, str]]:
    """Host, port and subset of each."""
    for listener in listeners:
        for host in listener.virtual_hosts:
            for route in host.routes:
                if isinstance(route.action, Forward):
                    for each in route.action.destinations:
                        yield each.host, each.port, each.subset
