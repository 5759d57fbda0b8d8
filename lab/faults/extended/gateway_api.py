"""Faults in what is attached to gateways of the Gateway API."""

from __future__ import annotations

from dataclasses import replace

from lab.faults.registry import EXTENDED, fault
from lab.mesh.config.current.policies import Policies
from lab.mesh.config.gateway_api.gateways import HTTP_ROUTE, Gateway, Grant

AREA = "Gateway API"


@fault(AREA, EXTENDED)
def listener_takes_routes_of_any_namespace(policies: Policies) -> Policies:
    """Listeners take routes of all namespaces."""

    def opened(gateway: Gateway) -> Gateway:
        return replace(
            gateway, listeners=tuple(replace(each, routes_from="All") for each in gateway.listeners)
        )

    declared = policies.gateway_api
    return replace(policies, gateway_api=replace(declared, gateways=tuple(map(opened, declared.gateways))))


@fault(AREA, EXTENDED)
def backend_needs_no_grant(policies: Policies) -> Policies:
    """Routes may send requests to the services of all namespaces."""
    declared = policies.gateway_api
    sources = frozenset((*HTTP_ROUTE, name) for name in declared.namespaces)
    services = frozenset({("", "Service", "")})
    grants = tuple(Grant(name, sources, services) for name in declared.namespaces)
    return replace(policies, gateway_api=replace(declared, grants=grants))
