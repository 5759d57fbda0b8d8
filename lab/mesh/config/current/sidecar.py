"""From the policies of the current API to the model: what each sidecar must do."""

from __future__ import annotations

from collections.abc import Iterator

from lab.mesh.config.current.policies import Policies
from lab.mesh.config.current.security import Target, request_security
from lab.mesh.config.networking import upstreams
from lab.mesh.config.networking.destination_rule import Subset, TlsSettings
from lab.mesh.model.proxy_config import (
    Endpoint,
    Inbound,
    InboundPort,
    MutualTls,
    Protocol,
    SidecarConfig,
    TlsOrigination,
    Upstream,
)
from lab.mesh.workloads.service_registry import Service, ServiceEndpoint, ServicePort, Workload


def sidecar_config(policies: Policies, workload: Workload) -> SidecarConfig:
    """What the sidecar of this workload must do."""
    return SidecarConfig(
        name=workload.name,
        namespace=workload.namespace,
        uid=workload.uid,
        identity=policies.registry.identity(workload),
        inbound=inbound(policies, workload),
        upstreams=tuple(
            upstream
            for service in policies.registry.services
            for upstream in upstreams_of(policies, workload, service)
        ),
        security=request_security(policies, Target(workload.namespace, workload.labels)),
    )


def inbound(policies: Policies, workload: Workload) -> Inbound:
    """Every port a Service lists, and each other port whose mode a policy sets apart.

    The document says that a port without a Service is ignored; Istio honours the setting, and so does this.
    """
    modes = policies.modes(workload)
    served = policies.registry.served_ports(workload)
    apart = {port: mode for port, mode in modes.ports.items() if port not in served and mode != modes.default}
    return Inbound(
        ports=(
            *(InboundPort(port, protocol, modes.of(port)) for port, protocol in served.items()),
            *(
                InboundPort(port, Protocol.UNDECLARED, mode, bound=False)
                for port, mode in sorted(apart.items())
            ),
        ),
        default_mode=modes.default,
        trust_domains=(policies.registry.trust_domain,),
    )


def upstreams_of(policies: Policies, client: Workload, service: Service) -> Iterator[Upstream]:
    """Each port of a service, and of its subsets, as this client has to treat it."""
    rule = policies.destinations.find(service.host, service.namespace, client.namespace, client.labels)
    for port in service.ports:
        number = port.port
        if rule is None:
            yield _upstream(policies, client, service, port)
            continue
        yield _upstream(policies, client, service, port, rule.tls_for(number), rule.mark_for(number))
        for subset in rule.subsets:
            told, mark = subset.tls_for(number, rule), subset.mark_for(number, rule)
            yield _upstream(policies, client, service, port, told, mark, subset)


def _upstream(
    policies: Policies,
    client: Workload,
    service: Service,
    port: ServicePort,
    told: TlsSettings | None = None,
    mark: TlsSettings | None = None,
    subset: Subset | None = None,
) -> Upstream:
    """`told` is what a rule says of the port, `mark` what it says of the endpoints: not always the same."""
    registry = policies.registry
    endpoints = tuple(
        Endpoint(each.address, each.port, takes_mutual_tls(policies, each, mark))
        for each in upstreams.members(registry, service, port, subset)
    )
    origination = client_tls(policies, service, endpoints, told)
    name = subset.name if subset else ""
    return upstreams.build(registry, client, service, port, endpoints, origination, told, name)


def client_tls(
    policies: Policies, service: Service, endpoints: tuple[Endpoint, ...], told: TlsSettings | None
) -> TlsOrigination:
    """The decision for a whole service port; AUTO leaves it to the mark of each endpoint.

    A rule's word replaces auto mutual TLS. Otherwise only the mode of the service's namespace (or of the
    mesh) is asked, never that of a workload or port: a workload that is STRICT in a namespace that is DISABLE
    is not reached by mesh clients. Endpoints of a headless service cannot be told apart: one without mutual
    TLS turns it off for all.
    """
    if told is not None:
        return told.mode
    if policies.peer.namespace_mode(service.namespace) is MutualTls.DISABLE:
        return TlsOrigination.DISABLE
    if service.addresses:
        return TlsOrigination.AUTO
    if endpoints and all(endpoint.mesh for endpoint in endpoints):
        return TlsOrigination.ISTIO_MUTUAL
    return TlsOrigination.DISABLE


def takes_mutual_tls(policies: Policies, endpoint: ServiceEndpoint, mark: TlsSettings | None) -> bool:
    """Whether an endpoint is marked for mutual TLS: its pod announces it, and neither a rule nor, where none
    says anything, the mode of its port speaks against it.
    """
    workload = policies.registry.by_address.get(endpoint.address)
    if workload is None or not workload.announces_tls:
        return False
    if mark is not None:
        return mark.mode is TlsOrigination.ISTIO_MUTUAL
    return policies.modes(workload).of(endpoint.port) is not MutualTls.DISABLE
