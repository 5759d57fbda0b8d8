"""From the policies of Istio 1.0 to the model: what each sidecar and each gateway must do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from lab.mesh.config.istio_1_0 import authentication
from lab.mesh.config.istio_1_0.destination_rules import subset_tls
from lab.mesh.config.istio_1_0.policies import Policies
from lab.mesh.config.networking import gateway_listeners, upstreams
from lab.mesh.config.networking.destination_rule import Subset, TlsSettings
from lab.mesh.model.proxy_config import (
    Endpoint,
    GatewayConfig,
    Inbound,
    InboundPort,
    Listener,
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
    )


def gateway_config(policies: Policies, workload: Workload) -> GatewayConfig:
    """What the gateway of this pod must do."""
    registry = policies.registry
    listeners = tuple(
        _with_tokens(policies, workload, listener)
        for listener in gateway_listeners.listeners(
            policies.gateways, policies.virtual_services, registry, workload
        )
    )
    return GatewayConfig(
        name=workload.name,
        namespace=workload.namespace,
        uid=workload.uid,
        identity=registry.identity(workload),
        trust_domains=(registry.trust_domain,),
        listeners=listeners,
        upstreams=tuple(
            upstreams.named_by(listeners, registry.services, partial(upstreams_of, policies, workload))
        ),
    )


def inbound(policies: Policies, workload: Workload) -> Inbound:
    """The ports that a Service lists; policies are for services, so that no other port has any.

    A peer needs a certificate of the mesh's authority, whatever trust domain is in it.
    """
    ports = []
    for number, (service, port) in policies.registry.bindings(workload).items():
        policy = policies.policy_for(service, port)
        ports.append(
            InboundPort(
                number,
                spoken(port.protocol),
                authentication.mode(policy),
                tokens=authentication.token_check(policy, policies.key_sets),
            )
        )
    return Inbound(
        ports=tuple(ports),
        default_mode=MutualTls.DISABLE,
        trust_domains=(),
        mesh_alpn=False,
        tells_identity=False,
    )


def spoken(protocol: Protocol) -> Protocol:
    """What a port speaks: nobody looks into the bytes, so that what a Service does not declare is TCP."""
    return Protocol.TCP if protocol is Protocol.UNDECLARED else protocol


def _with_tokens(policies: Policies, gateway: Workload, listener: Listener) -> Listener:
    """The policy of a gateway's port is that of the Service in front of it, like any other's."""
    bound = policies.registry.bindings(gateway).get(listener.port)
    if bound is None:
        return listener
    policy = policies.policy_for(*bound)
    check = authentication.token_check(policy, policies.key_sets, at_gateway=True)
    return replace(listener, tokens=check)


def upstreams_of(policies: Policies, client: Workload, service: Service) -> Iterator[Upstream]:
    """Each port of a service, and of its subsets, as this client has to treat it."""
    rule = policies.destinations.find(service.host)
    for port in service.ports:
        yield _upstream(policies, client, service, port, rule.tls_for(port.port) if rule else None)
        if rule is not None:
            for subset in rule.subsets:
                told = subset_tls(subset, rule, port.port)
                yield _upstream(policies, client, service, port, told, subset)


def _upstream(
    policies: Policies,
    client: Workload,
    service: Service,
    port: ServicePort,
    told: TlsSettings | None,
    subset: Subset | None = None,
) -> Upstream:
    """Nothing is found out about servers: a client does what it is told, or else speaks plain text."""
    registry = policies.registry
    endpoints = tuple(
        Endpoint(each.address, each.port, _takes_mutual_tls(policies, each))
        for each in upstreams.members(registry, service, port, subset)
    )
    built = upstreams.build(
        registry,
        client,
        service,
        port,
        endpoints,
        told.mode if told is not None else TlsOrigination.DISABLE,
        told,
        subset.name if subset else "",
    )
    return replace(built, protocol=spoken(built.protocol))


def _takes_mutual_tls(policies: Policies, endpoint: ServiceEndpoint) -> bool:
    """A fact about the server, which no client of this mesh asks for."""
    workload = policies.registry.by_address.get(endpoint.address)
    if workload is None or not workload.injected:
        return False
    bound = policies.registry.bindings(workload).get(endpoint.port)
    policy = policies.policy_for(*bound) if bound is not None else None
    return authentication.mode(policy) is not MutualTls.DISABLE
