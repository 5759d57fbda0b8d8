"""The single steps of the write pipeline, none of which waits for anything."""

from __future__ import annotations

from lab.kube import errors
from lab.kube.group_resources import EVENTS
from lab.kube.kinds import admission_policies, crds
from lab.kube.kinds.registry import Registry
from lab.kube.kinds.resources import Resource
from lab.kube.kinds.rules import DEFAULT_STRATEGY, STRATEGIES
from lab.kube.kinds.services import SERVICES, allocate
from lab.kube.objects import GroupResource, Object
from lab.kube.store import Store
from lab.kube.writing import naming
from lab.kube.writing.admission import Hooks
from lab.kube.writing.event_recorder import EventRecorder
from lab.kube.writing.managed_fields import track_update
from lab.kube.writing.replacement import SIGNING_REQUESTS, in_version
from lab.kube.writing.shape import WriteOptions, check_shape, check_valid, fill_defaults


class Steps:
    """Any of them may raise `ApiError`."""

    def __init__(self, store: Store, registry: Registry) -> None:
        self.store = store
        self.registry = registry
        self.hooks = Hooks()
        self.recorder = EventRecorder(store)

    def complete(self, resource: Resource, obj: Object, options: WriteOptions) -> None:
        """What a new object gets besides what its creator has written."""
        fill_defaults(resource, obj)
        STRATEGIES.get(resource.key, DEFAULT_STRATEGY).prepare(obj)
        if resource.key == SIGNING_REQUESTS:
            obj["spec"] = {**(obj.get("spec") or {}), **options.user.as_object()}

    def created(self, resource: Resource, obj: Object, options: WriteOptions) -> Object:
        """A new object that webhooks have changed, made whole again."""
        check_shape(resource, obj, WriteOptions(options.manager))
        self.complete(resource, obj, options)
        return obj

    def check_place(self, resource: Resource, metadata: Object, namespace: str, name: str) -> None:
        """That the namespace takes objects, and has none of this name."""
        naming.place(resource, metadata, namespace, self.store)
        if self.store.get(resource.key, namespace if resource.namespaced else "", name) is not None:
            raise errors.already_exists(resource, name)

    def admitted(self, resource: Resource, new: Object, old: Object | None, options: WriteOptions) -> Object:
        """After admission and validation: the object to store, in its storage version."""
        storage = self.registry.storage(resource.key)
        new = in_version(storage, new)
        before = in_version(storage, old) if old is not None else None
        new = self.hooks.admitted(resource, new, before)
        check_valid(resource, new, old, self.registry)
        options.warnings.extend(self.hooks.reviewed(resource, new))
        return new

    def allocate(self, resource: Resource, new: Object, old: Object | None, options: WriteOptions) -> None:
        """What depends on all other objects, so that nothing may come between this and storing."""
        if resource.key == SERVICES:
            allocate(new, old, self.store, self.registry.node_port_is_free)
        if resource.key == admission_policies.POLICIES:
            options.warnings.extend(admission_policies.warnings(new))
        if resource.key == crds.CRDS:
            self._check_crd_names(resource, new)
            options.warnings.extend(crds.warnings(new, self.registry.cel_rules))
            new["status"] = crds.established_status(new)

    def _check_crd_names(self, resource: Resource, crd: Object) -> None:
        name = crd["metadata"]["name"]
        key = GroupResource(crd["spec"]["group"], crd["spec"]["names"]["plural"])
        if self.registry.knows(key) and self.registry.storage(key).crd != name:
            cause = errors.invalid_value("spec.group", key.group, "this kind is built in")
            raise errors.invalid(resource.group, resource.kind, name, [cause])

    def track(
        self, resource: Resource, old: Object | None, new: Object, manager: str, subresource: str = ""
    ) -> None:
        """Notes in the managedFields what a manager has changed."""
        track_update(
            resource.schema,
            resource.api_version,
            old,
            new,
            manager,
            subresource=subresource,
            has_status="status" in resource.subresources,
        )

    def put(self, resource: Resource, obj: Object) -> Object:
        """Stores an object; what a definition declares is served at once."""
        stored = self.store.put(resource.key, in_version(self.registry.storage(resource.key), obj))
        if resource.key == crds.CRDS:
            self.registry.install(stored)
        return stored

    def remove_now(self, resource: Resource, obj: Object) -> Object:
        """Takes an object out of the store; gives its last state."""
        metadata = obj["metadata"]
        if resource.key == crds.CRDS:
            self._remove_custom_objects(obj)
        gone = self.store.remove(resource.key, metadata.get("namespace", ""), metadata["name"])
        if resource.key == EVENTS:
            self.recorder.forget(gone)
        return gone

    def _remove_custom_objects(self, crd: Object) -> None:
        """Objects do not outlive their definition, whatever finalizers they have."""
        key = GroupResource(crd["spec"]["group"], crd["spec"]["names"]["plural"])
        for obj in self.store.list(key):
            self.store.remove(key, obj["metadata"].get("namespace", ""), obj["metadata"]["name"])
        self.registry.uninstall(crd)
