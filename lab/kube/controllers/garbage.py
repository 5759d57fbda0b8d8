"""The garbage collector: deletes dependents by the propagation policy of their owner's deletion.

Background: the owner is gone at once, its dependents go afterwards. Foreground and Orphan: the write pipeline
leaves the owner in place under a finalizer; this controller deletes its dependents, or cuts them loose, and
then takes the finalizer away.
"""

from __future__ import annotations

from collections.abc import Iterable

from lab.kube.controllers.loop import MANAGER, Request
from lab.kube.objects import GroupResource, Object, clone
from lab.kube.store import WatchEvent
from lab.kube.writing.controller_client import ControllerClient

FOREGROUND, ORPHAN = "foregroundDeletion", "orphan"


class Garbage:
    """Reconciles by uid: a request's `name` is the uid of an owner, or of an object that has owners."""

    name = "garbage"
    watches: tuple[GroupResource, ...] = ()

    def __init__(self, objects: ControllerClient) -> None:
        self._objects = objects
        #: Where each live object is, and which objects name a uid as their owner.
        self._places: dict[str, tuple[GroupResource, str, str]] = {}
        self._dependents: dict[str, set[str]] = {}

    def affected(self, event: WatchEvent) -> Iterable[Request]:
        metadata = event.object["metadata"]
        uid = metadata["uid"]
        before = {} if event.previous is None else event.previous["metadata"]
        owners = _owner_uids(metadata)
        for owner in _owner_uids(before) - owners:
            self._disown(owner, uid)
        if event.type == "DELETED":
            self._places.pop(uid, None)
            for owner in owners:
                self._disown(owner, uid)
                # A foreground deletion may have waited for this one.
                yield Request("", owner)
            for dependent in tuple(self._dependents.get(uid, ())):
                yield Request("", dependent)
            return
        self._places[uid] = (event.key, metadata.get("namespace", ""), metadata["name"])
        for owner in owners:
            self._dependents.setdefault(owner, set()).add(uid)
        if owners or "deletionTimestamp" in metadata:
            yield Request("", uid)

    def _disown(self, owner: str, dependent: str) -> None:
        known = self._dependents.get(owner, set())
        known.discard(dependent)
        if not known:
            self._dependents.pop(owner, None)

    async def reconcile(self, request: Request) -> float | None:
        found = self._live(request.name)
        if found is None:
            return None
        key, obj = found
        metadata = obj["metadata"]
        if "deletionTimestamp" in metadata:
            await self._finish(key, obj)
        elif _owner_uids(metadata):
            await self._follow_owners(key, obj)
        return None

    def _live(self, uid: str) -> tuple[GroupResource, Object] | None:
        place = self._places.get(uid)
        if place is None:
            return None
        key, namespace, name = place
        obj = self._objects.store.get(key, namespace, name)
        return (key, obj) if obj is not None and obj["metadata"]["uid"] == uid else None

    async def _follow_owners(self, key: GroupResource, obj: Object) -> None:
        """Deletes an object whose last owner is gone; forgets gone owners of one that has others."""
        metadata = obj["metadata"]
        references = metadata["ownerReferences"]
        alive = [reference for reference in references if self._live(reference["uid"]) is not None]
        if not alive:
            await self._objects.delete(key, metadata.get("namespace", ""), metadata["name"])
        elif len(alive) < len(references):
            await self._set_owners(key, obj, alive)

    async def _finish(self, key: GroupResource, obj: Object) -> None:
        """Completes the deletion of a terminating owner by its propagation policy."""
        finalizers = obj["metadata"].get("finalizers") or ()
        uid = obj["metadata"]["uid"]
        dependents = [found for each in tuple(self._dependents.get(uid, ())) if (found := self._live(each))]
        if ORPHAN in finalizers:
            for dependent_key, dependent in dependents:
                references = dependent["metadata"]["ownerReferences"]
                kept = [reference for reference in references if reference["uid"] != uid]
                await self._set_owners(dependent_key, dependent, kept)
            await self._release(key, obj, ORPHAN)
        elif FOREGROUND in finalizers:
            blocking = False
            for dependent_key, dependent in dependents:
                metadata = dependent["metadata"]
                mine = next(each for each in metadata["ownerReferences"] if each["uid"] == uid)
                blocking = blocking or mine.get("blockOwnerDeletion", False)
                if "deletionTimestamp" not in metadata:
                    where = (metadata.get("namespace", ""), metadata["name"])
                    await self._objects.delete(dependent_key, *where, propagation="Foreground")
            if not blocking or not any(self._live(each) for each in self._dependents.get(uid, ())):
                await self._release(key, obj, FOREGROUND)

    async def _set_owners(self, key: GroupResource, obj: Object, references: list[Object]) -> None:
        changed = clone(obj)
        changed["metadata"]["ownerReferences"] = references
        if not references:
            del changed["metadata"]["ownerReferences"]
        await self._objects.update(key, changed, manager=MANAGER)

    async def _release(self, key: GroupResource, obj: Object, finalizer: str) -> None:
        changed = clone(obj)
        left = [each for each in obj["metadata"]["finalizers"] if each != finalizer]
        changed["metadata"]["finalizers"] = left
        await self._objects.update(key, changed, manager=MANAGER)


def _owner_uids(metadata: Object) -> set[str]:
    return {reference["uid"] for reference in metadata.get("ownerReferences") or ()}
