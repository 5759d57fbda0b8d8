"""The single steps of the write pipeline; none of them waits."""

from __future__ import annotations

from lab.kube import errors
from lab.kube.kinds.resources import Resource
from lab.kube.kinds.scheme import Scheme
from lab.kube.kinds.strategies import Server
from lab.kube.objects import Object, place_of
from lab.kube.store import Store
from lab.kube.writing import naming
from lab.kube.writing.admission import Hooks
from lab.kube.writing.managed_fields import track_update
from lab.kube.writing.replacement import in_version
from lab.kube.writing.request_validation import WriteOptions, check_shape, check_valid, fill_defaults


class Steps:
    """Any of them may raise `ApiError`."""

    def __init__(self, store: Store, scheme: Scheme) -> None:
        self.store = store
        self.scheme = scheme
        self.server = Server(store, scheme)
        self.hooks = Hooks()

    def complete(self, resource: Resource, obj: Object, options: WriteOptions) -> None:
        """What a new object gets besides what its creator has written."""
        fill_defaults(resource, obj)
        resource.strategy.prepare_for_create(obj, options.user)

    def created(self, resource: Resource, obj: Object, options: WriteOptions) -> Object:
        """A new object that webhooks have changed, made whole again."""
        obj = check_shape(resource, obj, WriteOptions(options.manager))
        self.complete(resource, obj, options)
        return obj

    def check_place(self, resource: Resource, metadata: Object, namespace: str, name: str) -> None:
        """That the namespace takes objects, and has none of this name."""
        naming.place(resource, metadata, namespace, self.store)
        if self.store.get(resource.key, namespace if resource.namespaced else "", name) is not None:
            raise errors.already_exists(resource, name)

    def admitted(self, resource: Resource, new: Object, old: Object | None, options: WriteOptions) -> Object:
        """After admission and validation: the object to store, in its storage version."""
        storage = self.scheme.storage(resource.key)
        new = in_version(storage, new)
        before = in_version(storage, old) if old is not None else None
        new = self.hooks.admitted(resource, new, before)
        check_valid(resource, new, old, self.server)
        options.warnings.extend(self.hooks.reviewed(resource, new))
        return new

    def allocate(self, resource: Resource, new: Object, old: Object | None, options: WriteOptions) -> None:
        """What depends on all other objects, so that nothing may come between this and storing."""
        options.warnings.extend(resource.strategy.allocate(new, old, self.server))

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
        """Stores an object."""
        stored = self.store.put(resource.key, in_version(self.scheme.storage(resource.key), obj))
        resource.strategy.after_write(stored, self.server)
        return stored

    def remove_now(self, resource: Resource, obj: Object) -> Object:
        """Takes an object out of the store; gives its last state."""
        resource.strategy.before_removal(obj, self.server)
        return self.store.remove(resource.key, *place_of(obj))
