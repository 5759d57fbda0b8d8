"""The task that provisions gateways and reports on gateways, their classes and their routes.

It reconciles everything whenever something that it depends on changes, and writes only what differs. So
additional wake-ups do no harm, and its own writes cause no further ones.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from functools import partial

from lab.kube.client import (
    NAMESPACES,
    SERVICES,
    ApiError,
    Client,
    GroupResource,
    Invalid,
    Object,
    WatchOverflow,
    now,
)
from lab.mesh.config.gateway_api import declared, provisioning, status
from lab.mesh.config.gateway_api.declared import GatewayApi
from lab.mesh.config.gateway_api.gateways import CLASSES, CONTROLLER, GATEWAYS, GROUP, UNMANAGED
from lab.mesh.config.gateway_api.http_routes import HTTP_ROUTES
from lab.mesh.model.hosts import service_host
from lab.mesh.workloads import service_registry
from lab.mesh.workloads.service_registry import ServiceRegistry

log = logging.getLogger(__name__)

MANAGER = "istio.io/gateway-controller"
CLASS = "istio"

KEYS = tuple(dict.fromkeys((*declared.KEYS, *provisioning.KEYS, *service_registry.KEYS)))
"""What provisioning and statuses depend on."""


class GatewayController:
    """`read_registry` gives the registry as the store holds it now."""

    def __init__(self, objects: Client, read_registry: Callable[[], ServiceRegistry]) -> None:
        self._objects = objects
        self._read_registry = read_registry
        self._refused: set[str] = set()

    def install(self) -> None:
        """Creates this mesh's GatewayClass, and registers the admission of classes."""
        self._objects.admit(CLASSES, _keeps_its_controller)
        for class_ in gateway_classes():
            self._objects.create(CLASSES, class_, manager=MANAGER)

    async def run(self) -> None:
        """Watches the cluster, forever."""
        while True:
            # After a burst too large for the queue everything is looked at anyway.
            with contextlib.suppress(WatchOverflow):
                async with self._objects.store.watch(*KEYS) as changes:
                    async for _ in changes:
                        changes.pending()
                        self.reconcile()

    def reconcile(self) -> None:
        """Reconciles objects and statuses with the current state of the store."""
        api = declared.read(self._objects.store)
        for gateway in api.gateways:
            if not self._ends(gateway.namespace):
                for key, wanted in provisioning.objects(gateway):
                    self._attempt(partial(self._provide, key, wanted))
        self._report_classes()
        if api.gateways or api.routes:
            self._report(api, self._read_registry())

    def _ends(self, namespace: str) -> bool:
        found = self._objects.store.get(NAMESPACES, "", namespace)
        return found is None or "deletionTimestamp" in found["metadata"]

    def _attempt(self, write: Callable[[], object]) -> None:
        """What the API refuses, as it might refuse any client, is said once, and tried at the next change."""
        try:
            write()
        except ApiError as refusal:
            if refusal.message not in self._refused:
                log.warning("the gateway controller was refused: %s", refusal.message)
                self._refused.add(refusal.message)

    def _provide(self, key: GroupResource, wanted: Object) -> None:
        metadata = wanted["metadata"]
        present = self._objects.store.get(key, metadata["namespace"], metadata["name"])
        if present is None:
            self._objects.create(key, wanted, manager=MANAGER)
        elif (
            provisioning.is_managed(present)
            and "deletionTimestamp" not in present["metadata"]
            and not provisioning.covers(present, wanted)
        ):
            self._objects.update(key, provisioning.overlaid(present, wanted), manager=MANAGER)

    def _report_classes(self) -> None:
        for obj in declared.served_classes(self._objects.store, CONTROLLER, UNMANAGED):
            self._set(CLASSES, obj, status.of_class(obj, now()))

    def _report(self, api: GatewayApi, seen: ServiceRegistry) -> None:
        store, instant = self._objects.store, now()
        services = {
            service_host(each["metadata"]["name"], each["metadata"]["namespace"]): each
            for each in store.list(SERVICES)
        }
        for gateway in api.gateways:
            found = store.get(GATEWAYS, gateway.namespace, gateway.name)
            if found is not None:
                report = status.of_gateway(gateway, found, api, seen, services, instant)
                self._set(GATEWAYS, found, report)
        for route in api.routes:
            found = store.get(HTTP_ROUTES, route.namespace, route.name)
            if found is not None:
                report = status.of_route(route, found, api, seen, instant)
                self._set(HTTP_ROUTES, found, report)

    def _set(self, key: GroupResource, obj: Object, wanted: Object) -> None:
        namespace, name = obj["metadata"].get("namespace", ""), obj["metadata"]["name"]
        write = partial(self._objects.set_status, manager=MANAGER)
        self._attempt(partial(write, key, namespace, name, wanted))


def gateway_classes() -> Iterator[Object]:
    remote = "Remote to this cluster. Does not deploy or affect configuration."
    for name, controller, description in (
        (CLASS, CONTROLLER, "The default Istio GatewayClass"),
        (f"{CLASS}-remote", UNMANAGED, remote),
    ):
        yield {
            "apiVersion": f"{GROUP}/v1",
            "kind": "GatewayClass",
            "metadata": {"name": name},
            "spec": {"controllerName": controller, "description": description},
        }


def _keeps_its_controller(new: Object, old: Object | None) -> Object:
    """The one rule of the API that compares with what was there before."""
    if old is not None:
        before, after = old["spec"]["controllerName"], (new.get("spec") or {}).get("controllerName")
        if before != after:
            raise Invalid("spec.controllerName", "Value is immutable")
    return new
