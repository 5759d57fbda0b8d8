"""The write pipeline: every object that is created, changed or deleted goes through here.

Shape, namespace, defaults, ownership, mutating webhooks, name, admission, validation, validating webhooks,
allocation, storage: in this order, for requests, controllers, the node and the mesh alike. Nothing here waits
but for webhooks: where there are none, or the writer asks none (`reviewed=False`), a write is atomic, and
`at_once` runs it. Whoever has waited looks again before storing, and raises `Overtaken`.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Coroutine
from dataclasses import replace as with_changes
from typing import TYPE_CHECKING, TypeVar

from lab.kube import errors
from lab.kube.errors import bad_request
from lab.kube.kinds.resources import Resource
from lab.kube.kinds.scheme import Scheme
from lab.kube.objects import Json, Object, clone, place_of
from lab.kube.store import Store
from lab.kube.timestamps import now
from lab.kube.webhooks.webhooks import Webhooks
from lab.kube.writing import deletion, naming
from lab.kube.writing.apply import apply
from lab.kube.writing.replacement import (
    STATUS_LIKE,
    WRONG_NAMESPACE,
    check_identity,
    desired,
    in_version,
    next_state,
    same,
    wrong_name,
)
from lab.kube.writing.request_validation import WriteOptions, check_shape, check_valid, fill_defaults
from lab.kube.writing.steps import Steps

if TYPE_CHECKING:
    from lab.kube.webhooks.attributes import Attributes

# What only the server says of a new object.
_GIVEN = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "selfLink",
    "uid",
)
# How often a change is made anew, when others have changed the object while webhooks were asked.
_ATTEMPTS = 5


class Overtaken(Exception):
    """Another client has written the object while webhooks were called."""


T = TypeVar("T")


def at_once(write: Coroutine[None, None, T]) -> T:
    """The result of a write that does not wait."""
    try:
        write.send(None)
    except StopIteration as done:
        outcome: T = done.value
        return outcome
    write.close()
    raise RuntimeError("a write that asks no webhook has waited")


class Pipeline:
    """Every method may raise `ApiError`. Objects handed over are given away."""

    def __init__(self, store: Store, scheme: Scheme) -> None:
        self.store = store
        self.scheme = scheme
        self.steps = Steps(store, scheme)
        self.webhooks = Webhooks(store, scheme)

    def existing(self, resource: Resource, namespace: str, name: str) -> Object:
        """The stored object. Raises a 404."""
        obj = self.store.get(resource.key, namespace if resource.namespaced else "", name)
        if obj is None:
            raise errors.not_found(resource, name)
        return obj

    async def create(
        self,
        resource: Resource,
        namespace: str,
        body: Json,
        options: WriteOptions,
        *,
        track: bool = True,
        reviewed: bool = True,
    ) -> Object:
        """Creates an object. Without `track` its managedFields stand."""
        obj = check_shape(resource, body, options)
        obj = {"apiVersion": obj["apiVersion"], "kind": obj["kind"], **obj}
        metadata = obj["metadata"]
        if metadata.get("resourceVersion"):
            raise bad_request("resourceVersion should not be set on objects to be created")
        naming.place(resource, metadata, namespace, self.store)
        if "status" in resource.subresources and not resource.strategy.keeps_status:
            obj.pop("status", None)
        for field in _GIVEN:
            metadata.pop(field, None)
        if track:
            metadata.pop("managedFields", None)
        self.steps.complete(resource, obj, options)
        if track:
            self.steps.track(resource, None, obj, options.manager)
        asked: Attributes | None = None
        if reviewed and self.webhooks.any:
            from lab.kube.writing import admission_attributes

            asked = admission_attributes.creation(resource, namespace, obj, options)
            changed = await self.webhooks.mutated(
                asked, lambda new: self.steps.created(resource, new, options)
            )
            obj = changed or obj
        metadata = obj["metadata"]
        name = naming.name(resource, metadata)
        self.steps.check_place(resource, metadata, namespace, name)
        metadata.update(uid=str(uuid.uuid4()), creationTimestamp=now())
        if resource.has_generation:
            metadata["generation"] = 1
        obj = self.steps.admitted(resource, obj, None, options)
        if asked is not None:
            await self.webhooks.validate(with_changes(asked, object=obj, name=name))
            self.steps.check_place(resource, metadata, namespace, name)
        self.steps.allocate(resource, obj, None, options)
        if resource.notice:
            options.warnings.append(resource.notice)
        return obj if options.dry_run else self.steps.put(resource, obj)

    async def change(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        change: Callable[[Object], Json],
        options: WriteOptions,
        subresource: str = "",
        *,
        reviewed: bool = True,
    ) -> Object:
        """Replaces an object by what `change` makes of it, anew if others change it meanwhile."""
        for _ in range(_ATTEMPTS):
            old = self.existing(resource, namespace, name)
            try:
                return await self.replace(resource, old, change(old), options, subresource, reviewed=reviewed)
            except Overtaken:
                options.warnings.clear()
        raise errors.stale(resource, name)

    async def replace(
        self,
        resource: Resource,
        old: Object,
        body: Json,
        options: WriteOptions,
        subresource: str = "",
        *,
        track: bool = True,
        reviewed: bool = True,
    ) -> Object:
        """Puts `body` in the place of `old`, or of the part a subresource is. Raises Overtaken, too."""
        new = check_shape(resource, body, options)
        check_identity(resource, old, new)
        next_ = next_state(resource, old, new, subresource)
        fill_defaults(resource, next_)
        if track:
            self.steps.track(resource, old, next_, options.manager, subresource)
        asked: Attributes | None = None
        if reviewed and self.webhooks.any:
            from lab.kube.writing import admission_attributes

            asked = admission_attributes.update(resource, old, next_, options, subresource)

            def completed(changed: Object) -> Object:
                shaped = check_shape(resource, changed, WriteOptions(options.manager))
                changed = next_state(resource, old, shaped, subresource)
                fill_defaults(resource, changed)
                return changed

            next_ = await self.webhooks.mutated(asked, completed) or next_
        if subresource not in STATUS_LIKE:
            next_ = self.steps.admitted(resource, next_, old, options)
        elif resource.crd:
            check_valid(resource, next_, old, self.steps.server)
        if asked is not None:
            await self.webhooks.validate(asked.about(next_))
            if self.store.get(resource.key, *place_of(old)) is not old:
                raise Overtaken
        if subresource not in STATUS_LIKE:
            self.steps.allocate(resource, next_, old, options)
        if resource.has_generation and desired(resource, next_) != desired(resource, old):
            next_["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1
        if same(next_, old):
            return old
        if options.dry_run:
            return next_
        stored = self.steps.put(resource, next_)
        if deletion.is_due(resource, stored):
            self.steps.remove_now(resource, stored)
        return stored

    async def apply(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        body: Json,
        options: WriteOptions,
        *,
        force: bool = False,
        subresource: str = "",
    ) -> tuple[Object, bool]:
        """Server-side apply. Returns the object and whether it was created."""
        config = check_shape(resource, body, options)
        metadata = config["metadata"]
        if metadata.pop("managedFields", None):
            raise bad_request("metadata.managedFields must be nil")
        if metadata.setdefault("name", name) != name:
            raise wrong_name(metadata["name"], name)
        if "status" in resource.subresources and subresource != "status":
            config.pop("status", None)
        # The configuration has been checked already; what it is merged into was stored before.
        quiet = with_changes(options, strictness="Ignore")
        for _ in range(_ATTEMPTS):
            old = self.store.get(resource.key, namespace, name)
            if old is None:
                if subresource or metadata.get("uid"):
                    raise errors.not_found(resource, name)
                if metadata.get("resourceVersion"):
                    raise errors.stale(resource, name)
                fresh = apply(resource, None, config, options.manager)
                return await self.create(resource, namespace, fresh, quiet, track=False), True
            if resource.namespaced and metadata.setdefault("namespace", namespace) != namespace:
                raise bad_request(WRONG_NAMESPACE)
            check_identity(resource, old, config)
            live = in_version(resource, old)
            merged = apply(resource, live, config, options.manager, force=force, subresource=subresource)
            merged["metadata"].pop("resourceVersion", None)
            try:
                return await self.replace(resource, old, merged, quiet, subresource, track=False), False
            except Overtaken:
                options.warnings.clear()
        raise errors.stale(resource, name)

    async def remove(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        options: deletion.DeleteOptions,
        *,
        reviewed: bool = True,
    ) -> tuple[Object, bool]:
        """Deletes an object. Returns its last state and whether it is gone (False: it is only marked)."""
        obj = self.existing(resource, namespace, name)
        deletion.check_preconditions(resource, obj, options)
        deletion.check_allowed(resource, obj)
        if reviewed and self.webhooks.any:
            from lab.kube.writing import admission_attributes

            uid, asked = obj["metadata"]["uid"], admission_attributes.removal(resource, obj, options)
            await self.webhooks.mutated(asked, lambda changed: changed)
            await self.webhooks.validate(asked)
            # Whatever became of it meanwhile, it is to go; but not another one of its name.
            obj = self.existing(resource, namespace, name)
            if obj["metadata"]["uid"] != uid:
                raise errors.not_found(resource, name)
            deletion.check_preconditions(resource, obj, options)
        if options.dry_run:
            return obj, True
        marked = deletion.marked(resource, obj, options)
        if marked is not None and marked != obj:
            obj = self.store.put(resource.key, clone(marked))
        if marked is None or deletion.is_due(resource, obj):
            return self.steps.remove_now(resource, obj), True
        return obj, False

    async def consulted(self, asked: Attributes, target: Object) -> Object:
        """What webhooks make of a question that stores nothing itself, about a stored object.

        Raises Overtaken when that object has changed while they were asked.
        """
        assert asked.object is not None  # that of a deletion alone is
        if not self.webhooks.any:
            return asked.object
        changed = await self.webhooks.mutated(asked, lambda obj: obj)
        await self.webhooks.validate(asked if changed is None else asked.about(changed))
        if self.store.get(asked.resource.key, *place_of(target)) is not target:
            raise Overtaken
        return changed or asked.object
