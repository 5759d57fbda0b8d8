"""CustomResourceDefinitions: the conditions that `kubectl wait` reads, and the end of their instances."""

from __future__ import annotations

from collections.abc import Iterable

from lab.kube.controllers.loop import MANAGER, Request
from lab.kube.crds import CRDS, established_status
from lab.kube.store import Event, Key, Object, Objects, clone

FINALIZER = "customresourcecleanup.apiextensions.k8s.io"


class Definitions:
    """Empties a terminating definition of its instances before it goes, whatever namespace they are in."""

    name = "crd"
    watches: tuple[Key, ...] = ()

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def affected(self, event: Event) -> Iterable[Request]:
        if event.key == CRDS:
            yield Request("", event.object["metadata"]["name"])
        elif event.type == "DELETED":
            yield Request("", f"{event.key.plural}.{event.key.group}")

    def reconcile(self, request: Request) -> float | None:
        definition = self._objects.store.get(CRDS, *request)
        if definition is None:
            return None
        if "deletionTimestamp" in definition["metadata"]:
            self._empty(definition)
        else:
            status = established_status(definition)
            self._objects.set_status(CRDS, *request, status, manager=MANAGER)
        return None

    def _empty(self, definition: Object) -> None:
        spec = definition["spec"]
        key = Key(spec["group"], spec["names"]["plural"])
        for obj in self._objects.store.list(key):
            metadata = obj["metadata"]
            if "deletionTimestamp" not in metadata:
                self._objects.delete(key, metadata.get("namespace", ""), metadata["name"])
        finalizers = definition["metadata"].get("finalizers") or []
        if not self._objects.store.list(key) and FINALIZER in finalizers:
            released = clone(definition)
            released["metadata"]["finalizers"] = [each for each in finalizers if each != FINALIZER]
            self._objects.update(CRDS, released, manager=MANAGER)
