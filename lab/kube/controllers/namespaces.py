"""The namespace controller: the default ServiceAccount and CA certificate, and orderly deletion."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from lab.kube.controllers.loop import MANAGER, Request
from lab.kube.group_resources import CONFIG_MAPS, NAMESPACES, SERVICE_ACCOUNTS
from lab.kube.objects import GroupResource, Object, clone
from lab.kube.store import WatchEvent
from lab.kube.timestamps import now
from lab.kube.writing.controller_client import ControllerClient

ROOT_CA = "kube-root-ca.crt"
FINALIZER = "kubernetes"


class Namespaces:
    """Keeps the default ServiceAccount and the API's CA certificate in every active namespace, and empties a
    terminating one of all it holds, custom resources included, before it goes."""

    name = "namespace"
    watches: tuple[GroupResource, ...] = ()

    def __init__(self, objects: ControllerClient, ca_certificate: str) -> None:
        self._objects = objects
        self._ca_certificate = ca_certificate

    def affected(self, event: WatchEvent) -> Iterable[Request]:
        metadata = event.object["metadata"]
        if event.key == NAMESPACES:
            yield Request("", metadata["name"])
        elif event.type == "DELETED" and "namespace" in metadata:
            yield Request("", metadata["namespace"])

    async def reconcile(self, request: Request) -> float | None:
        namespace = self._objects.store.get(NAMESPACES, *request)
        if namespace is None:
            return None
        if "deletionTimestamp" in namespace["metadata"]:
            await self._empty(namespace)
        else:
            await self._furnish(namespace)
        return None

    async def _furnish(self, namespace: Object) -> None:
        name = namespace["metadata"]["name"]
        store = self._objects.store
        if store.get(SERVICE_ACCOUNTS, name, "default") is None:
            account: Object = {
                "apiVersion": "v1",
                "kind": "ServiceAccount",
                "metadata": {"name": "default", "namespace": name},
            }
            await self._objects.create(SERVICE_ACCOUNTS, account, manager=MANAGER)
        if store.get(CONFIG_MAPS, name, ROOT_CA) is None:
            config_map: Object = {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": ROOT_CA, "namespace": name},
                "data": {"ca.crt": self._ca_certificate},
            }
            await self._objects.create(CONFIG_MAPS, config_map, manager=MANAGER)

    async def _empty(self, namespace: Object) -> None:
        name = namespace["metadata"]["name"]
        for key, obj in self._contents(name):
            if "deletionTimestamp" not in obj["metadata"]:
                await self._objects.delete(key, name, obj["metadata"]["name"])
        left = self._contents(name)
        if left:
            self._report(namespace, left)
            return
        spec = namespace.get("spec") or {}
        if FINALIZER in spec.get("finalizers", ()):
            done = clone(namespace)
            done["spec"]["finalizers"] = [each for each in spec["finalizers"] if each != FINALIZER]
            await self._objects.update(NAMESPACES, done, manager=MANAGER, subresource="finalize")

    def _contents(self, namespace: str) -> list[tuple[GroupResource, Object]]:
        store = self._objects.store
        return [
            (key, obj)
            for key in sorted(store.keys())
            if key != NAMESPACES
            for obj in store.list(key, namespace)
        ]

    def _report(self, namespace: Object, left: list[tuple[GroupResource, Object]]) -> None:
        kinds = Counter(f"{key.plural}.{key.group}" for key, _ in left)
        finalizers = Counter(each for _, obj in left for each in obj["metadata"].get("finalizers", ()))
        conditions = [
            _condition(
                "NamespaceContentRemaining",
                "SomeResourcesRemain",
                "Some resources are remaining: "
                + ", ".join(
                    f"{kind} has {count} resource instances" for kind, count in sorted(kinds.items())
                ),
            )
        ]
        if finalizers:
            conditions.append(
                _condition(
                    "NamespaceFinalizersRemaining",
                    "SomeFinalizersRemain",
                    "Some content in the namespace has finalizers remaining: "
                    + ", ".join(
                        f"{finalizer} in {count} resource instances"
                        for finalizer, count in sorted(finalizers.items())
                    ),
                )
            )
        known = {each["type"]: each for each in (namespace.get("status") or {}).get("conditions", ())}
        for condition in conditions:
            before = known.get(condition["type"], {})
            condition["lastTransitionTime"] = before.get("lastTransitionTime") or now()
        status: Object = {"phase": "Terminating", "conditions": conditions}
        self._objects.set_status(NAMESPACES, "", namespace["metadata"]["name"], status, manager=MANAGER)


def _condition(kind: str, reason: str, message: str) -> Object:
    return {"type": kind, "status": "True", "reason": reason, "message": message}
