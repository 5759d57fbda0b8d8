"""Deleting: at once, after a grace period, or only when the finalizers are gone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from lab.kube import errors
from lab.kube.errors import bad_request
from lab.kube.group_resources import NAMESPACES, PODS
from lab.kube.identity.auth import SYSTEM, User
from lab.kube.kinds.resources import Resource
from lab.kube.objects import Object
from lab.kube.timestamps import timestamp

_PODS, _NAMESPACES = PODS, NAMESPACES
_PROTECTED = ("default", "kube-node-lease", "kube-public", "kube-system")
# The garbage collector takes these away when the dependents are gone, or are nobody's any more.
_FINALIZERS = {"Foreground": "foregroundDeletion", "Orphan": "orphan"}


@dataclass(frozen=True)
class DeleteOptions:
    """`grace_period` in seconds, None for the object's own; `propagation` is about dependents."""

    grace_period: int | None = None
    propagation: str = "Background"
    dry_run: bool = False
    preconditions: Mapping[str, str] = field(default_factory=dict)
    user: User = SYSTEM
    warnings: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, body: Any, query: Mapping[str, str], user: User) -> DeleteOptions:
        """From a DeleteOptions object and the query, which says the same things. Raises a 400."""
        if body is None:
            body = {}
        if not isinstance(body, dict) or body.get("kind", "DeleteOptions") != "DeleteOptions":
            raise bad_request("the body of a deletion must be DeleteOptions")
        grace = body.get("gracePeriodSeconds", query.get("gracePeriodSeconds"))
        if isinstance(grace, str):
            if not grace.lstrip("-").isdecimal():
                raise bad_request(f"invalid gracePeriodSeconds {grace!r}")
            grace = int(grace)
        if grace is not None and (isinstance(grace, bool) or not isinstance(grace, int)):
            raise bad_request("gracePeriodSeconds must be a number of seconds")
        orphan = body.get("orphanDependents", query.get("orphanDependents") == "true" or None)
        propagation = body.get("propagationPolicy") or query.get("propagationPolicy")
        propagation = propagation or ("Orphan" if orphan else "Background")
        if propagation not in ("Background", *_FINALIZERS):
            choices = ("Foreground", "Background", "Orphan", "nil")
            cause = errors.unsupported_value("propagationPolicy", propagation, choices)
            raise errors.invalid("meta.k8s.io", "DeleteOptions", "", [cause])
        preconditions = body.get("preconditions") or {}
        if not isinstance(preconditions, dict):
            raise bad_request("preconditions must be an object")
        dry_run = body.get("dryRun") or ([query["dryRun"]] if query.get("dryRun") else [])
        if dry_run not in ([], ["All"]):
            cause = errors.unsupported_value("dryRun", str(dry_run), ("All",))
            raise errors.invalid("meta.k8s.io", "DeleteOptions", "", [cause])
        return cls(grace, propagation, bool(dry_run), preconditions, user)


def check_preconditions(resource: Resource, obj: Object, options: DeleteOptions) -> None:
    metadata = obj["metadata"]
    for key, shown in (("uid", "UID"), ("resourceVersion", "ResourceVersion")):
        wanted = options.preconditions.get(key)
        if wanted and wanted != metadata[key]:
            known = metadata[key]
            why = f"Precondition failed: {shown} in precondition: {wanted}, {shown} in object meta: {known}"
            raise errors.conflict(resource, metadata["name"], why)


def check_allowed(resource: Resource, obj: Object) -> None:
    """Raises a 403 for the namespaces that a cluster cannot be without."""
    name = obj["metadata"]["name"]
    if resource.key == _NAMESPACES and name in _PROTECTED:
        raise errors.forbidden(resource, name, "this namespace may not be deleted")


def marked(resource: Resource, obj: Object, options: DeleteOptions) -> Object | None:
    """The object marked for deletion; None when nothing stands in the way of removing it at once."""
    metadata = obj["metadata"]
    finalizers = list(metadata.get("finalizers") or [])
    if (finalizer := _FINALIZERS.get(options.propagation)) and finalizer not in finalizers:
        finalizers.append(finalizer)
    grace = _grace(resource, obj, options)
    is_namespace = resource.key == _NAMESPACES
    if not finalizers and not grace and not is_namespace:
        return None
    if metadata.get("deletionTimestamp") and metadata.get("deletionGracePeriodSeconds", 0) <= grace:
        # A later request can only shorten the wait.
        return obj
    changed = {**metadata}
    if finalizers:
        changed["finalizers"] = finalizers
    changed["deletionTimestamp"] = timestamp(datetime.now(UTC) + timedelta(seconds=grace))
    if not is_namespace:
        changed["deletionGracePeriodSeconds"] = grace
    if resource.has_generation:
        changed["generation"] = metadata.get("generation", 0) + 1
    result = {**obj, "metadata": changed}
    if is_namespace:
        result["status"] = {**(obj.get("status") or {}), "phase": "Terminating"}
    return result


def _grace(resource: Resource, obj: Object, options: DeleteOptions) -> int:
    """Seconds to wait. Only a pod that a node runs has anything to end in order."""
    if resource.key != _PODS:
        return 0
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    bound = spec.get("nodeName") or status.get("podIP") or status.get("startTime")
    if not bound or status.get("phase") in ("Succeeded", "Failed"):
        return 0
    grace = options.grace_period
    if grace is None:
        grace = spec.get("terminationGracePeriodSeconds", 30)
    return max(int(grace), 0)


def is_due(obj: Object) -> bool:
    """Marked, and nothing is left to wait for."""
    metadata = obj["metadata"]
    return bool(
        metadata.get("deletionTimestamp")
        and not metadata.get("finalizers")
        and not metadata.get("deletionGracePeriodSeconds")
        and not (obj["kind"] == "Namespace" and (obj.get("spec") or {}).get("finalizers"))
    )
