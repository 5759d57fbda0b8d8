"""The client of the node, the mesh and the setup of a cluster: its writes do not wait.

No webhook is called for their writes.
"""

from __future__ import annotations

from typing import Literal

from lab.kube.admission import Admission, Review
from lab.kube.group_resources import EVENTS, NAMESPACES
from lab.kube.kinds.scheme import Scheme
from lab.kube.objects import GroupResource, Object, clone
from lab.kube.store import Store
from lab.kube.writing import deletion
from lab.kube.writing.event_recorder import EventRecorder
from lab.kube.writing.pipeline import Pipeline, at_once
from lab.kube.writing.request_validation import WriteOptions


class Writes:
    """Implements `Client`, on a pipeline that requests and controllers use as well."""

    def __init__(self, store: Store, scheme: Scheme) -> None:
        self.store = store
        self.scheme = scheme
        self.pipeline = Pipeline(store, scheme)
        self._recorder = EventRecorder(store)

    def create(self, key: GroupResource, obj: Object, *, manager: str, dry_run: bool = False) -> Object:
        """Creates an object. Raises `ApiError`."""
        resource = self.scheme.storage(key)
        namespace = ((obj.get("metadata") or {}).get("namespace") or "default") if resource.namespaced else ""
        options = WriteOptions(manager, dry_run)
        return at_once(self.pipeline.create(resource, namespace, clone(obj), options, reviewed=False))

    def update(self, key: GroupResource, obj: Object, *, manager: str, subresource: str = "") -> Object:
        """Replaces an object, or the part of it that a subresource is. Raises `ApiError`."""
        resource = self.scheme.storage(key)
        metadata = obj["metadata"]
        old = self.pipeline.existing(resource, metadata.get("namespace", ""), metadata["name"])
        options = WriteOptions(manager)
        return at_once(self.pipeline.replace(resource, old, clone(obj), options, subresource, reviewed=False))

    def set_status(
        self, key: GroupResource, namespace: str, name: str, status: Object, *, manager: str
    ) -> Object | None:
        """Replaces the whole status; None if the object is gone."""
        old = self.store.get(key, namespace, name)
        if old is None or old.get("status") == status:
            return old
        resource = self.scheme.storage(key)
        new = {**old, "metadata": {**old["metadata"]}, "status": clone(status)}
        self.pipeline.steps.track(resource, old, new, manager, "status")
        return self.store.put(key, new)

    def delete(
        self,
        key: GroupResource,
        namespace: str,
        name: str,
        *,
        propagation: str = "Background",
        grace_period: int | None = None,
    ) -> None:
        """Deletes an object, or marks it where somebody must act first. Raises `ApiError`."""
        resource = self.scheme.storage(key)
        options = deletion.DeleteOptions(grace_period=grace_period, propagation=propagation)
        at_once(self.pipeline.remove(resource, namespace, name, options, reviewed=False))

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

    def admit(self, key: GroupResource, hook: Admission) -> None:
        """Registers an admission hook."""
        self.pipeline.steps.hooks.register(key, hook)

    def review(self, key: GroupResource, hook: Review) -> None:
        """Registers what is asked about valid objects."""
        self.pipeline.steps.hooks.register_review(key, hook)
