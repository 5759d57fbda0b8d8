"""What Istio's validating webhook refuses of the kinds of networking.istio.io, by kind."""

from __future__ import annotations

from lab.mesh.networking import destination_rule, gateway, virtual_service
from lab.mesh.networking.destination_admission import validate_destination_rule
from lab.mesh.networking.routing_admission import validate_gateway, validate_virtual_service

HOOKS = {
    destination_rule.KEY: validate_destination_rule,
    gateway.KEY: validate_gateway,
    virtual_service.KEY: validate_virtual_service,
}
