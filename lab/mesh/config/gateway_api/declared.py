"""Everything of the Gateway API that is in force."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from lab.kube.client import NAMESPACES, Object, Store
from lab.mesh.config.gateway_api import gateways, http_routes
from lab.mesh.config.gateway_api.gateways import CLASSES, CONTROLLER, GATEWAYS, GRANTS, Gateway, Grant
from lab.mesh.config.gateway_api.http_routes import HTTP_ROUTES, HttpRoute

KEYS = (CLASSES, GATEWAYS, GRANTS, HTTP_ROUTES, NAMESPACES)
"""What `read` depends on."""


@dataclass(frozen=True)
class GatewayApi:
    """Gateways of the classes of this mesh, and what may attach to them; routes by age."""

    gateways: tuple[Gateway, ...] = ()
    routes: tuple[HttpRoute, ...] = ()
    grants: tuple[Grant, ...] = ()
    namespaces: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Labels of namespaces."""

    @cached_property
    def by_name(self) -> Mapping[tuple[str, str], Gateway]:
        """By namespace and name."""
        return {(gateway.namespace, gateway.name): gateway for gateway in self.gateways}


def served_classes(store: Store, *controllers: str) -> list[Object]:
    """The classes that name one of these controllers, by default this mesh's."""
    served = controllers or (CONTROLLER,)
    return [each for each in store.list(CLASSES) if each["spec"]["controllerName"] in served]


def read(store: Store) -> GatewayApi:
    """The current objects in the store."""
    classes = {each["metadata"]["name"] for each in served_classes(store)}
    routes = map(http_routes.parse, store.list(HTTP_ROUTES))
    return GatewayApi(
        gateways=tuple(
            gateways.parse(each)
            for each in store.list(GATEWAYS)
            if each["spec"]["gatewayClassName"] in classes and "deletionTimestamp" not in each["metadata"]
        ),
        routes=tuple(sorted(routes, key=lambda route: route.age)),
        grants=tuple(map(gateways.parse_grant, store.list(GRANTS))),
        namespaces={
            each["metadata"]["name"]: each["metadata"].get("labels") or {} for each in store.list(NAMESPACES)
        },
    )
