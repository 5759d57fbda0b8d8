"""Faults of gateways that the documents do not show."""

from __future__ import annotations

from dataclasses import replace

from lab.faults.registry import EXTENDED, fault
from lab.faults.trees import http_managers
from lab.mesh.config.current.policies import Policies
from lab.mesh.config.gateway_api.declared import GatewayApi
from lab.mesh.envoy.resources import Resources
from lab.mesh.model.proxy_config import GatewayConfig, MutualTls, RequestSecurity

AREA = "Gateways"


@fault(AREA, EXTENDED)
def gateway_lets_everything_through(config: GatewayConfig) -> GatewayConfig:
    """Gateways check no tokens, and deny nothing."""
    return replace(config, security=RequestSecurity())


@fault(AREA, EXTENDED)
def forwarded_addresses_believed(resources: Resources) -> Resources:
    """Gateways take a client's word for its address."""
    for manager in http_managers(resources.listeners):
        if manager.get("use_remote_address"):
            manager["use_remote_address"] = False
    return resources


@fault(AREA, EXTENDED)
def gateway_is_strict_with_the_mesh(policies: Policies) -> Policies:
    """Where mutual TLS is required of all workloads, gateways serve nobody in plain text."""
    root = policies.registry.root_namespace
    strict = any(
        each.mode is MutualTls.STRICT and each.namespace == root for each in policies.peer_authentications
    )
    if not strict:
        return policies
    networking = replace(policies.networking, gateways=())
    return replace(policies, networking=networking, gateway_api=GatewayApi())


@fault(AREA, EXTENDED)
def routes_of_any_host(policies: Policies) -> Policies:
    """A VirtualService is for every host of its gateways."""
    networking = policies.networking
    services = tuple(replace(each, hosts=("*",)) for each in networking.virtual_services)
    return replace(policies, networking=replace(networking, virtual_services=services))
