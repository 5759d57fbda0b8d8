"""Who owns whom."""

from __future__ import annotations

from lab.kube.store import Key, Object, Store


def controller_reference(kind: str, owner: Object) -> Object:
    """The ownerReference of what a controller makes for an object of apps/v1."""
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def controller_of(obj: Object) -> Object | None:
    """The ownerReference of the one owner that controls an object."""
    references = obj["metadata"].get("ownerReferences") or ()
    return next((reference for reference in references if reference.get("controller")), None)


def controlled(store: Store, key: Key, owner: Object) -> list[Object]:
    """The objects of a kind that an owner controls, oldest first."""
    metadata = owner["metadata"]
    mine = [
        obj
        for obj in store.list(key, metadata["namespace"])
        if (reference := controller_of(obj)) is not None and reference["uid"] == metadata["uid"]
    ]
    return sorted(mine, key=lambda obj: (obj["metadata"]["creationTimestamp"], obj["metadata"]["name"]))
