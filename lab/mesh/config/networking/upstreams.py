"""How a client reaches a service, once it is known what it is told about TLS."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from lab.mesh.config.networking.destination_rule import Subset, TlsSettings
from lab.mesh.model.hosts import aliases, fully_qualified
from lab.mesh.model.proxy_config import ClientTls, Endpoint, Listener, TlsOrigination, Upstream
from lab.mesh.model.routing import Forward
from lab.mesh.workloads.service_registry import (
    Service,
    ServiceEndpoint,
    ServicePort,
    ServiceRegistry,
    Workload,
)

Key = tuple[str, int, str]
"""Host, port and subset of an upstream."""


def members(
    registry: ServiceRegistry, service: Service, port: ServicePort, subset: Subset | None
) -> list[ServiceEndpoint]:
    """The endpoints of a service port, or those of them whose pods belong to the subset."""
    return [
        endpoint
        for endpoint in service.endpoints.get(port.name, ())
        if subset is None or _labels_at(registry, endpoint).items() >= subset.labels.items()
    ]


def build(
    registry: ServiceRegistry,
    client: Workload,
    service: Service,
    port: ServicePort,
    endpoints: tuple[Endpoint, ...],
    origination: TlsOrigination,
    told: TlsSettings | None,
    subset: str = "",
) -> Upstream:
    """One service port, or a subset of it, as this client has to treat it; `told` are the rule's details."""
    return Upstream(
        host=service.host,
        port=port.port,
        protocol=port.protocol,
        aliases=(
            *aliases(service.name, service.namespace, client.namespace),
            *(other for place in service.also for other in _names(place, client)),
        ),
        addresses=service.addresses,
        endpoints=endpoints,
        tls=_client_tls(registry, service, port, endpoints, origination, told, subset),
        subset=subset,
    )


def _client_tls(
    registry: ServiceRegistry,
    service: Service,
    port: ServicePort,
    endpoints: Iterable[Endpoint],
    origination: TlsOrigination,
    told: TlsSettings | None,
    subset: str,
) -> ClientTls:
    if origination in (TlsOrigination.AUTO, TlsOrigination.ISTIO_MUTUAL):
        identities = {
            registry.identity(registry.by_address[each.address]).uri
            for each in endpoints
            if each.address in registry.by_address
        }
        return ClientTls(
            origination,
            sni=(told.sni if told else "") or f"outbound_.{port.port}_.{subset}_.{service.host}",
            subject_alt_names=(told.subject_alt_names if told else ()) or tuple(sorted(identities)),
        )
    if told is None or origination is TlsOrigination.DISABLE:
        return ClientTls(TlsOrigination.DISABLE)
    return ClientTls(
        origination,
        sni=told.sni or service.host,
        subject_alt_names=told.subject_alt_names,
        client_certificate=told.client_certificate,
        private_key=told.private_key,
        ca_certificates=told.ca_certificates,
        verify=not told.insecure_skip_verify,
    )


def _names(place: tuple[str, str], client: Workload) -> Iterator[str]:
    """All names of a Service of type ExternalName."""
    namespace, name = place
    yield fully_qualified(name, namespace)
    yield from aliases(name, namespace, client.namespace)


def _labels_at(registry: ServiceRegistry, endpoint: ServiceEndpoint) -> Mapping[str, str]:
    workload = registry.by_address.get(endpoint.address)
    return workload.labels if workload is not None else {}


def named_by(
    listeners: Iterable[Listener],
    services: Iterable[Service],
    upstreams_of: Callable[[Service], Iterable[Upstream]],
) -> Iterator[Upstream]:
    """Only what a gateway's routes name: others would cost memory and could not be asked for."""
    wanted = set(_destinations(listeners))
    hosts = {host for host, _, _ in wanted}
    for service in services:
        if service.host in hosts:
            for upstream in upstreams_of(service):
                if (upstream.host, upstream.port, upstream.subset) in wanted:
                    yield upstream


def _destinations(listeners: Iterable[Listener]) -> Iterator[Key]:
    for listener in listeners:
        for host in listener.virtual_hosts:
            for route in host.routes:
                if isinstance(route.action, Forward):
                    for each in route.action.destinations:
                        yield each.host, each.port, each.subset
