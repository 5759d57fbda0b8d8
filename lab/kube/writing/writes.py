"""The write pipeline: every object that is created, changed or deleted goes through here.

Shape, name, namespace, defaults, admission, validation, allocation, ownership, storage: in this order, for
requests, controllers, the node and the mesh alike. Nothing here waits, so a write is atomic.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any, Literal

from lab.kube import errors
from lab.kube.errors import bad_request
from lab.kube.kinds import crds
from lab.kube.kinds.humans import now
from lab.kube.kinds.registry import Registry
from lab.kube.kinds.resources import Resource
from lab.kube.kinds.rules import DEFAULT_STRATEGY, STRATEGIES
from lab.kube.kinds.services import SERVICES, allocate
from lab.kube.store import Admission, Key, Object, Store, clone
from lab.kube.writing import deletion, naming
from lab.kube.writing.admission import Hooks
from lab.kube.writing.apply import apply
from lab.kube.writing.ownership import track_update
from lab.kube.writing.recorder import EVENTS, Recorder
from lab.kube.writing.replacement import (
    NAMESPACES,
    SIGNING_REQUESTS,
    STATUS_LIKE,
    WRONG_NAMESPACE,
    check_identity,
    desired,
    in_version,
    next_state,
    same,
    wrong_name,
)
from lab.kube.writing.shape import WriteOptions, check_shape, check_valid, fill_defaults


class Writes:
    """Implements `Objects`; the HTTP server uses the methods that take a `Resource`."""

    def __init__(self, store: Store, registry: Registry) -> None:
        self.store = store
        self.registry = registry
        self._hooks = Hooks()
        self._recorder = Recorder(store)

    # What controllers, the node and the mesh use.

    def create(self, key: Key, obj: Object, *, manager: str, dry_run: bool = False) -> Object:
        """Creates an object. Raises `ApiError`."""
        resource = self.registry.storage(key)
        namespace = ((obj.get("metadata") or {}).get("namespace") or "default") if resource.namespaced else ""
        return self.create_in(resource, namespace, clone(obj), WriteOptions(manager, dry_run))

    def update(self, key: Key, obj: Object, *, manager: str, subresource: str = "") -> Object:
        """Replaces an object, or the part of it that a subresource is. Raises `ApiError`."""
        resource = self.registry.storage(key)
        metadata = obj["metadata"]
        old = self.existing(resource, metadata.get("namespace", ""), metadata["name"])
        return self.replace(resource, old, clone(obj), WriteOptions(manager), subresource)

    def set_status(
        self, key: Key, namespace: str, name: str, status: Object, *, manager: str
    ) -> Object | None:
        """Replaces the status wholly; None when the object is gone."""
        old = self.store.get(key, namespace, name)
        if old is None or old.get("status") == status:
            return old
        resource = self.registry.storage(key)
        new = {**old, "metadata": {**old["metadata"]}, "status": clone(status)}
        self._track(resource, old, new, manager, "status")
        return self.store.put(key, new)

    def delete(
        self,
        key: Key,
        namespace: str,
        name: str,
        *,
        propagation: str = "Background",
        grace_period: int | None = None,
    ) -> None:
        """Deletes an object, or marks it where somebody must act first. Raises `ApiError`."""
        resource = self.registry.storage(key)
        options = deletion.DeleteOptions(grace_period=grace_period, propagation=propagation)
        self.remove(resource, self.existing(resource, namespace, name), options)

    def emit(
        self,
        about: Object,
        *,
        reason: str,
        message: str,
        type: Literal["Normal", "Warning"] = "Normal",  # noqa: A002 - the field's name in Kubernetes
        component: str,
    ) -> None:
        """Records an Event, unless its namespace is on its way out."""
        namespace = self.store.get(NAMESPACES, "", about["metadata"].get("namespace") or "default")
        if namespace is None or namespace["metadata"].get("deletionTimestamp"):
            return
        event = self._recorder.event(about, reason=reason, message=message, type_=type, component=component)
        if event["metadata"].get("resourceVersion"):
            self.update(EVENTS, event, manager=component)
        else:
            self.create(EVENTS, event, manager=component)

    def admit(self, key: Key, hook: Admission) -> None:
        """Registers an admission hook."""
        self._hooks.register(key, hook)

    # What the HTTP server uses.

    def existing(self, resource: Resource, namespace: str, name: str) -> Object:
        """The stored object. Raises a 404."""
        obj = self.store.get(resource.key, namespace if resource.namespaced else "", name)
        if obj is None:
            raise errors.not_found(resource, name)
        return obj

    def create_in(
        self, resource: Resource, namespace: str, obj: Any, options: WriteOptions, *, track: bool = True
    ) -> Object:
        """Creates an object, which the caller gives away. Without `track` its managedFields stand."""
        check_shape(resource, obj, options)
        obj = {"apiVersion": obj["apiVersion"], "kind": obj["kind"], **obj}
        metadata = obj["metadata"]
        if metadata.get("resourceVersion"):
            raise bad_request("resourceVersion should not be set on objects to be created")
        name = naming.name(resource, metadata)
        naming.place(resource, metadata, namespace, self.store)
        if self.store.get(resource.key, namespace if resource.namespaced else "", name) is not None:
            raise errors.already_exists(resource, name)
        if "status" in resource.subresources and resource.kind != "Node":
            obj.pop("status", None)
        for field in ("deletionTimestamp", "deletionGracePeriodSeconds", "generation", "selfLink"):
            metadata.pop(field, None)
        metadata.update(uid=str(uuid.uuid4()), creationTimestamp=now())
        if resource.has_generation:
            metadata["generation"] = 1
        if track:
            metadata.pop("managedFields", None)
        fill_defaults(resource, obj)
        STRATEGIES.get(resource.key, DEFAULT_STRATEGY).prepare(obj)
        if resource.key == SIGNING_REQUESTS:
            obj["spec"] = {**(obj.get("spec") or {}), **options.user.as_object()}
        obj = self._admitted(resource, obj, None, options)
        if track:
            self._track(resource, None, obj, options.manager)
        if resource.notice:
            options.warnings.append(resource.notice)
        stored: Object = obj if options.dry_run else self._store(resource, obj)
        return stored

    def replace(
        self,
        resource: Resource,
        old: Object,
        new: Any,
        options: WriteOptions,
        subresource: str = "",
        *,
        track: bool = True,
    ) -> Object:
        """Puts `new`, which the caller gives away, in the place of `old`, or of the part a subresource is."""
        check_shape(resource, new, options)
        check_identity(resource, old, new)
        next_ = next_state(resource, old, new, subresource)
        fill_defaults(resource, next_)
        if subresource not in STATUS_LIKE:
            next_ = self._admitted(resource, next_, old, options)
        elif resource.crd:
            check_valid(resource, next_, old, self.registry)
        if track:
            self._track(resource, old, next_, options.manager, subresource)
        if resource.has_generation and desired(resource, next_) != desired(resource, old):
            next_["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1
        if same(next_, old):
            return old
        if options.dry_run:
            return next_
        stored = self._store(resource, next_)
        if deletion.is_due(stored):
            self._remove_now(resource, stored)
        return stored

    def apply(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        config: Any,
        options: WriteOptions,
        *,
        force: bool = False,
        subresource: str = "",
    ) -> tuple[Object, bool]:
        """Server-side apply. Returns the object and whether it was created."""
        check_shape(resource, config, options)
        metadata = config["metadata"]
        if metadata.pop("managedFields", None):
            raise bad_request("metadata.managedFields must be nil")
        if metadata.setdefault("name", name) != name:
            raise wrong_name(metadata["name"], name)
        if "status" in resource.subresources and subresource != "status":
            config.pop("status", None)
        old = self.store.get(resource.key, namespace, name)
        if old is None:
            if subresource or metadata.get("uid"):
                raise errors.not_found(resource, name)
            if metadata.get("resourceVersion"):
                raise errors.stale(resource, name)
            fresh = apply(resource, None, config, options.manager)
            return self.create_in(resource, namespace, fresh, _quiet(options), track=False), True
        if resource.namespaced and metadata.setdefault("namespace", namespace) != namespace:
            raise bad_request(WRONG_NAMESPACE)
        check_identity(resource, old, config)
        live = in_version(resource, old)
        merged = apply(resource, live, config, options.manager, force=force, subresource=subresource)
        merged["metadata"].pop("resourceVersion", None)
        return self.replace(resource, old, merged, _quiet(options), subresource, track=False), False

    def remove(self, resource: Resource, obj: Object, options: deletion.DeleteOptions) -> tuple[Object, bool]:
        """Deletes an object. Returns its last state and whether it is gone (False: it is only marked)."""
        deletion.check_preconditions(resource, obj, options)
        deletion.check_allowed(resource, obj)
        if options.dry_run:
            return obj, True
        marked = deletion.marked(resource, obj, options)
        if marked is not None and marked != obj:
            obj = self.store.put(resource.key, clone(marked))
        if marked is None or deletion.is_due(obj):
            return self._remove_now(resource, obj), True
        return obj, False

    # The steps.

    def _admitted(self, resource: Resource, new: Object, old: Object | None, options: WriteOptions) -> Object:
        """After admission and validation: the object to store, in its storage version."""
        storage = self.registry.storage(resource.key)
        new = in_version(storage, new)
        before = in_version(storage, old) if old is not None else None
        new = self._hooks.admitted(resource, new, before)
        check_valid(resource, new, old, self.registry)
        if resource.key == SERVICES:
            allocate(new, old, self.store, self.registry.node_port_is_free)
        if resource.key == crds.CRDS:
            self._check_crd_names(resource, new)
            options.warnings.extend(crds.unknown_rules(new, self.registry.cel_rules))
            new["status"] = crds.established_status(new)
        return new

    def _check_crd_names(self, resource: Resource, crd: Object) -> None:
        name = crd["metadata"]["name"]
        key = Key(crd["spec"]["group"], crd["spec"]["names"]["plural"])
        if self.registry.knows(key) and self.registry.storage(key).crd != name:
            cause = errors.invalid_value("spec.group", key.group, "this kind is built in")
            raise errors.invalid(resource.group, resource.kind, name, [cause])

    def _track(
        self, resource: Resource, old: Object | None, new: Object, manager: str, subresource: str = ""
    ) -> None:
        track_update(
            resource.schema,
            resource.api_version,
            old,
            new,
            manager,
            subresource=subresource,
            has_status="status" in resource.subresources,
        )

    def _store(self, resource: Resource, obj: Object) -> Object:
        stored = self.store.put(resource.key, in_version(self.registry.storage(resource.key), obj))
        if resource.key == crds.CRDS:
            self.registry.install(stored)
        return stored

    def _remove_now(self, resource: Resource, obj: Object) -> Object:
        metadata = obj["metadata"]
        if resource.key == crds.CRDS:
            self._remove_custom_objects(obj)
        gone = self.store.remove(resource.key, metadata.get("namespace", ""), metadata["name"])
        if resource.key == EVENTS:
            self._recorder.forget(gone)
        return gone

    def _remove_custom_objects(self, crd: Object) -> None:
        """Objects do not outlive their definition, whatever finalizers they have."""
        key = Key(crd["spec"]["group"], crd["spec"]["names"]["plural"])
        for obj in self.store.list(key):
            self.store.remove(key, obj["metadata"].get("namespace", ""), obj["metadata"]["name"])
        self.registry.uninstall(crd)


def _quiet(options: WriteOptions) -> WriteOptions:
    """The configuration has been checked already; what it is merged into was stored before."""
    return replace(options, strictness="Ignore")
