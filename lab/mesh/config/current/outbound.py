"""How a client reaches services: by its DestinationRule, or else by automatic mutual TLS."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from lab.mesh.config.current.policies import Policies
from lab.mesh.config.networking import upstreams
from lab.mesh.config.networking.destination_rule import DestinationRule, Subset, TlsSettings
from lab.mesh.model.proxy_config import Endpoint, MutualTls, TlsOrigination, Upstream
from lab.mesh.workloads.service_registry import Service, ServiceEndpoint, ServicePort, Workload


def upstreams_of(policies: Policies, client: Workload, service: Service) -> Iterator[Upstream]:
    """Each port of a service and of its subsets, as this client reaches it."""
    rule = policies.destinations.find(service.host, service.namespace, client.namespace, client.labels)
    return upstreams.of_service(service, rule, partial(_upstream, policies, client, service, rule))


def _upstream(
    policies: Policies,
    client: Workload,
    service: Service,
    rule: DestinationRule | None,
    port: ServicePort,
    subset: Subset | None,
) -> Upstream:
    tls, mark = _said(rule, subset, port.port)
    return upstreams.build(
        policies.registry,
        client,
        service,
        port,
        subset,
        tls,
        takes_mutual_tls=partial(takes_mutual_tls, policies, mark),
        origination=partial(origination, policies, service, tls),
    )


def _said(
    rule: DestinationRule | None, subset: Subset | None, port: int
) -> tuple[TlsSettings | None, TlsSettings | None]:
    """What a rule says of a port, and by what it marks the endpoints: not always the same."""
    if rule is None:
        return None, None
    if subset is None:
        return rule.tls_for(port), rule.mark_for(port)
    return subset.tls_for(port, rule), subset.mark_for(port, rule)


def origination(
    policies: Policies, service: Service, tls: TlsSettings | None, endpoints: tuple[Endpoint, ...]
) -> TlsOrigination:
    """The decision for a whole service port; AUTO leaves it to the mark of each endpoint.

    A rule's word replaces auto mutual TLS. Otherwise only the mode of the service's namespace (or of the
    mesh) is asked, never that of a workload or port: a workload that is STRICT in a namespace that is DISABLE
    is not reached by mesh clients. Endpoints of a headless service cannot be told apart: one without mutual
    TLS turns it off for all.
    """
    if tls is not None:
        return tls.mode
    if policies.peer.namespace_mode(service.namespace) is MutualTls.DISABLE:
        return TlsOrigination.DISABLE
    if service.addresses:
        return TlsOrigination.AUTO
    if endpoints and all(endpoint.mesh for endpoint in endpoints):
        return TlsOrigination.ISTIO_MUTUAL
    return TlsOrigination.DISABLE


def takes_mutual_tls(policies: Policies, mark: TlsSettings | None, endpoint: ServiceEndpoint) -> bool:
    """Whether an endpoint is marked for mutual TLS: its pod announces it, and neither a rule nor, where none
    says anything, the mode of its port speaks against it.
    """
    workload = policies.registry.by_address.get(endpoint.address)
    if workload is None or not workload.announces_tls:
        return False
    if mark is not None:
        return mark.mode is TlsOrigination.ISTIO_MUTUAL
    return policies.modes(workload).of(endpoint.port) is not MutualTls.DISABLE
