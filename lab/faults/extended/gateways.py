"""Faults of gateways that the documents do not show."""

from __future__ import annotations

from dataclasses import replace

from lab.faults.registry import EXTENDED, fault
from lab.faults.trees import http_managers
from lab.mesh.envoy.resources import Resources
from lab.mesh.model.proxy_config import GatewayConfig, RequestSecurity

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
