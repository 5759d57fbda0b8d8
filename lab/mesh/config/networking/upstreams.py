"""Upstreams of a client: the ports and subsets of a service, with the TLS settings of a rule."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from lab.mesh.config.networking.destination_rule import DestinationRule, Subset, TlsSettings
from lab.mesh.model.hosts import aliases, fully_qualified
from lab.mesh.model.proxy_config import ClientTls, Endpoint, TlsOrigination, Upstream
from lab.mesh.workloads.service_registry import (
    Service,
    ServiceEndpoint,
    ServicePort,
    ServiceRegistry,
    Workload,
)


def of_service(
    service: Service, rule: DestinationRule | None, build: Callable[[ServicePort, Subset | None], Upstream]
) -> Iterator[Upstream]:
    """Each port of a service, and of the subsets that a rule makes of it."""
    for port in service.ports:
        yield build(port, None)
        for subset in rule.subsets if rule is not None else ():
            yield build(port, subset)


def build(
    registry: ServiceRegistry,
    client: Workload,
    service: Service,
    port: ServicePort,
    subset: Subset | None,
    tls: TlsSettings | None,
    takes_mutual_tls: Callable[[ServiceEndpoint], bool],
    origination: Callable[[tuple[Endpoint, ...]], TlsOrigination],
) -> Upstream:
    """One service port, or a subset of it, as this client reaches it.

    `tls` is what a rule says. Which endpoints are marked for mutual TLS, and what the client does then, is up
    to the policy API.
    """
    endpoints = tuple(
        Endpoint(each.address, each.port, takes_mutual_tls(each))
        for each in _members(registry, service, port, subset)
    )
    name = subset.name if subset is not None else ""
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
        tls=_client_tls(registry, service, port, endpoints, origination(endpoints), tls, name),
        subset=name,
    )


def _members(
    registry: ServiceRegistry, service: Service, port: ServicePort, subset: Subset | None
) -> list[ServiceEndpoint]:
    """The endpoints of a service port, or those of them whose pods belong to the subset."""
    return [
        endpoint
        for endpoint in service.endpoints.get(port.name, ())
        if subset is None or _labels_at(registry, endpoint).items() >= subset.labels.items()
    ]


def _client_tls(
    registry: ServiceRegistry,
    service: Service,
    port: ServicePort,
    endpoints: Iterable[Endpoint],
    origination: TlsOrigination,
    rule_tls: TlsSettings | None,
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
            sni=(rule_tls.sni if rule_tls else "") or f"outbound_.{port.port}_.{subset}_.{service.host}",
            subject_alt_names=(rule_tls.subject_alt_names if rule_tls else ()) or tuple(sorted(identities)),
        )
    if rule_tls is None or origination is TlsOrigination.DISABLE:
        return ClientTls(TlsOrigination.DISABLE)
    return ClientTls(
        origination,
        sni=rule_tls.sni or service.host,
        subject_alt_names=rule_tls.subject_alt_names,
        client_certificate=rule_tls.client_certificate,
        private_key=rule_tls.private_key,
        ca_certificates=rule_tls.ca_certificates,
        verify=not rule_tls.insecure_skip_verify,
    )


def _names(place: tuple[str, str], client: Workload) -> Iterator[str]:
    """All names of a Service of type ExternalName."""
    namespace, name = place
    yield fully_qualified(name, namespace)
    yield from aliases(name, namespace, client.namespace)


def _labels_at(registry: ServiceRegistry, endpoint: ServiceEndpoint) -> Mapping[str, str]:
    workload = registry.by_address.get(endpoint.address)
    return workload.labels if workload is not None else {}
