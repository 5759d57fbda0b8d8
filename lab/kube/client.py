"""The API server for the rest of the lab: its store for reads and watches, and a client for writes.

The node, the meshes and the faults use nothing else of it, except for what it needs from a node (`runtime`).
"""

from __future__ import annotations

from typing import Literal, Protocol

from lab.kube.admission import Admission, Denied, Invalid, Review
from lab.kube.cluster import CLUSTER_DOMAIN
from lab.kube.errors import ApiError
from lab.kube.group_resources import (
    CONFIG_MAPS,
    CUSTOM_RESOURCE_DEFINITIONS,
    DEPLOYMENTS,
    ENDPOINT_SLICES,
    EVENTS,
    NAMESPACES,
    NODES,
    PODS,
    SECRETS,
    SERVICE_ACCOUNTS,
    SERVICES,
)
from lab.kube.objects import GroupResource, Json, Object, clone
from lab.kube.store import Store, Watch, WatchEvent, WatchOverflow
from lab.kube.timestamps import now

__all__ = [
    "CLUSTER_DOMAIN",
    "CONFIG_MAPS",
    "CUSTOM_RESOURCE_DEFINITIONS",
    "DEPLOYMENTS",
    "ENDPOINT_SLICES",
    "EVENTS",
    "NAMESPACES",
    "NODES",
    "PODS",
    "SECRETS",
    "SERVICES",
    "SERVICE_ACCOUNTS",
    "ApiError",
    "Client",
    "Denied",
    "GroupResource",
    "Invalid",
    "Json",
    "Object",
    "Review",
    "Store",
    "Watch",
    "WatchEvent",
    "WatchOverflow",
    "clone",
    "now",
]


class Client(Protocol):
    """How controllers, the node and the mesh write objects. Every method may raise `ApiError`."""

    store: Store

    def create(self, key: GroupResource, obj: Object, *, manager: str, dry_run: bool = False) -> Object: ...

    def update(self, key: GroupResource, obj: Object, *, manager: str, subresource: str = "") -> Object:
        """Replaces an object; with `metadata.resourceVersion` set, only that revision of it (else 409)."""
        ...

    def set_status(
        self, key: GroupResource, namespace: str, name: str, status: Object, *, manager: str
    ) -> Object | None:
        """Replaces the whole status. An equal one keeps the revision. None if the object is gone."""
        ...

    def delete(
        self,
        key: GroupResource,
        namespace: str,
        name: str,
        *,
        propagation: str = "Background",
        grace_period: int | None = None,
    ) -> None:
        """Deletes, or asks to: finalizers, and pods that have run, leave only later. Seconds of grace."""
        ...

    def emit(
        self,
        about: Object,
        *,
        reason: str,
        message: str,
        type: Literal["Normal", "Warning"] = "Normal",  # noqa: A002 - the field's name in Kubernetes
        component: str,
    ) -> None:
        """Records a core/v1 Event; a repeated one only increases its count."""
        ...

    def admit(self, key: GroupResource, hook: Admission) -> None:
        """Registers an admission hook; hooks run in order on create and update, before validation."""
        ...

    def review(self, key: GroupResource, hook: Review) -> None:
        """Registers a review, which runs on create and update, after validation."""
        ...
