"""How a client reaches services: by its DestinationRule, or else in plain text.

There is no automatic mutual TLS.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from lab.mesh.config.istio_1_0 import authentication
from lab.mesh.config.istio_1_0.destination_rules import tls_for
from lab.mesh.config.istio_1_0.inbound import spoken
from lab.mesh.config.istio_1_0.policies import Policies
from lab.mesh.config.networking import upstreams
from lab.mesh.config.networking.destination_rule import DestinationRule, Subset
from lab.mesh.model.proxy_config import MutualTls, TlsOrigination, Upstream
from lab.mesh.workloads.service_registry import Service, ServiceEndpoint, ServicePort, Workload


def upstreams_of(policies: Policies, client: Workload, service: Service) -> Iterator[Upstream]:
    """Each port of a service and of its subsets, as this client reaches it."""
    rule = policies.destinations.find(service.host)
    return upstreams.of_service(service, rule, partial(_upstream, policies, client, service, rule))


def _upstream(
    policies: Policies,
    client: Workload,
    service: Service,
    rule: DestinationRule | None,
    port: ServicePort,
    subset: Subset | None,
) -> Upstream:
    tls = tls_for(rule, subset, port.port)
    built = upstreams.build(
        policies.registry,
        client,
        service,
        port,
        subset,
        tls,
        takes_mutual_tls=partial(_takes_mutual_tls, policies),
        origination=lambda _endpoints: tls.mode if tls is not None else TlsOrigination.DISABLE,
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
