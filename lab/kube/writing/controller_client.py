"""The client of one controller: its writes go through admission webhooks, like those of any client."""

from __future__ import annotations

from typing import Literal

from lab.kube.identity.auth import User
from lab.kube.objects import GroupResource, Object, clone
from lab.kube.writing import deletion
from lab.kube.writing.request_validation import WriteOptions
from lab.kube.writing.writes import Writes


class ControllerClient:
    """The write pipeline as one controller uses it, under the name of its ServiceAccount in kube-system.

    No webhook is called for statuses and Events. Any method may raise `ApiError`.
    """

    def __init__(self, objects: Writes, account: str) -> None:
        self._objects = objects
        self._pipeline = objects.pipeline
        self.store = objects.store
        groups = ("system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated")
        self._user = User(f"system:serviceaccount:kube-system:{account}", groups)

    async def create(self, key: GroupResource, obj: Object, *, manager: str) -> Object:
        resource = self._objects.scheme.storage(key)
        namespace = obj["metadata"].get("namespace", "")
        options = WriteOptions(manager, user=self._user)
        return await self._pipeline.create(resource, namespace, clone(obj), options)

    async def update(self, key: GroupResource, obj: Object, *, manager: str, subresource: str = "") -> Object:
        """Replaces an object; with `metadata.resourceVersion` set, only that revision of it (else 409)."""
        resource = self._objects.scheme.storage(key)
        metadata = obj["metadata"]
        return await self._pipeline.change(
            resource,
            metadata.get("namespace", ""),
            metadata["name"],
            lambda _: clone(obj),
            WriteOptions(manager, user=self._user),
            subresource,
        )

    async def delete(
        self, key: GroupResource, namespace: str, name: str, *, propagation: str = "Background"
    ) -> None:
        resource = self._objects.scheme.storage(key)
        options = deletion.DeleteOptions(propagation=propagation, user=self._user)
        await self._pipeline.remove(resource, namespace, name, options)

    def set_status(
        self, key: GroupResource, namespace: str, name: str, status: Object, *, manager: str
    ) -> Object | None:
        """Replaces the whole status; None if the object is gone."""
        return self._objects.set_status(key, namespace, name, status, manager=manager)

    def emit(
        self,
        about: Object,
        *,
        reason: str,
        message: str,
        type: Literal["Normal", "Warning"] = "Normal",  # noqa: A002 - the field's name in Kubernetes
        component: str,
    ) -> None:
        """Records an Event."""
        self._objects.emit(about, reason=reason, message=message, type=type, component=component)
