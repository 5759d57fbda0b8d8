"""Everything of networking.istio.io that is in force."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from lab.kube.client import GroupResource, Object
from lab.mesh.config.networking import destination_rule, gateway, virtual_service
from lab.mesh.config.networking.destination_rule import DestinationRule
from lab.mesh.config.networking.gateway import Gateway
from lab.mesh.config.networking.virtual_service import VirtualService

KEYS = (destination_rule.KEY, gateway.KEY, virtual_service.KEY)
"""What `read` depends on."""


@dataclass(frozen=True)
class Networking:
    """All of them, whichever a client obeys or a gateway serves."""

    destination_rules: tuple[DestinationRule, ...] = ()
    gateways: tuple[Gateway, ...] = ()
    virtual_services: tuple[VirtualService, ...] = ()


def read(objects: Callable[[GroupResource], Iterable[Object]]) -> Networking:
    """`objects` gives those of a kind that are in force."""
    return Networking(
        tuple(map(destination_rule.parse, objects(destination_rule.KEY))),
        tuple(map(gateway.parse, objects(gateway.KEY))),
        tuple(map(virtual_service.parse, objects(virtual_service.KEY))),
    )
