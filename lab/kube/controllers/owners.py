"""Owner references: finding, adopting and listing what a controller owns."""

from __future__ import annotations

from collections.abc import Callable

from lab.kube.controllers.loop import MANAGER
from lab.kube.kinds.selectors import match_label_selector
from lab.kube.objects import GroupResource, Object, clone
from lab.kube.store import Store
from lab.kube.writing.controller_client import ControllerClient


def controller_reference(kind: str, owner: Object) -> Object:
    """The ownerReference in objects that a controller creates for an object of apps/v1."""
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def controller_of(obj: Object) -> Object | None:
    """The ownerReference with `controller: true`."""
    references = obj["metadata"].get("ownerReferences") or ()
    return next((reference for reference in references if reference.get("controller")), None)


async def adopt(
    objects: ControllerClient,
    key: GroupResource,
    kind: str,
    owner: Object,
    may_be: Callable[[Object], bool] = lambda _: True,
) -> None:
    """Adopts what an earlier owner, deleted with `--cascade=orphan`, left behind.

    That is whatever nobody controls and the owner's selector selects, if it also `may_be` the owner's.
    """
    for obj in objects.store.list(key, owner["metadata"]["namespace"]):
        metadata = obj["metadata"]
        free = controller_of(obj) is None and "deletionTimestamp" not in metadata
        if (
            free
            and match_label_selector(owner["spec"]["selector"], metadata.get("labels") or {})
            and may_be(obj)
        ):
            adopted = clone(obj)
            adopted["metadata"].setdefault("ownerReferences", []).append(controller_reference(kind, owner))
            await objects.update(key, adopted, manager=MANAGER)


def controlled(store: Store, key: GroupResource, owner: Object) -> list[Object]:
    """The objects of a kind that an owner controls, oldest first."""
    metadata = owner["metadata"]
    mine = [
        obj
        for obj in store.list(key, metadata["namespace"])
        if (reference := controller_of(obj)) is not None and reference["uid"] == metadata["uid"]
    ]
    return sorted(mine, key=lambda obj: (obj["metadata"]["creationTimestamp"], obj["metadata"]["name"]))
