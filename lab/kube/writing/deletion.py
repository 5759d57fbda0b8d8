"""Deletion: at once, after a grace period, or when the finalizers are gone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from lab.kube import errors
from lab.kube.errors import bad_request
from lab.kube.identity.auth import SYSTEM, User
from lab.kube.kinds.resources import Resource
from lab.kube.objects import Object
from lab.kube.timestamps import timestamp

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
    def of(cls, body: object, query: Mapping[str, str], user: User) -> DeleteOptions:
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
    """Raises a 403 for objects that a cluster needs."""
    name = obj["metadata"]["name"]
    if name in resource.strategy.protected:
        raise errors.forbidden(resource, name, f"this {resource.singular} may not be deleted")


def marked(resource: Resource, obj: Object, options: DeleteOptions) -> Object | None:
    """The object marked for deletion; None when nothing stands in the way of removing it at once."""
    metadata = obj["metadata"]
    finalizers = list(metadata.get("finalizers") or [])
    if (finalizer := _FINALIZERS.get(options.propagation)) and finalizer not in finalizers:
        finalizers.append(finalizer)
    strategy = resource.strategy
    grace = strategy.grace_period(obj, options.grace_period)
    if not finalizers and not grace and not strategy.terminates:
        return None
    if metadata.get("deletionTimestamp") and metadata.get("deletionGracePeriodSeconds", 0) <= grace:
        # A later request can only shorten the wait.
        return obj
    changed = {**metadata}
    if finalizers:
        changed["finalizers"] = finalizers
    changed["deletionTimestamp"] = timestamp(datetime.now(UTC) + timedelta(seconds=grace))
    if not strategy.terminates:
        changed["deletionGracePeriodSeconds"] = grace
    if resource.has_generation:
        changed["generation"] = metadata.get("generation", 0) + 1
    result = {**obj, "metadata": changed}
    if strategy.terminates:
        result["status"] = {**(obj.get("status") or {}), "phase": "Terminating"}
    return result


def is_due(resource: Resource, obj: Object) -> bool:
    """Marked, and nothing is left to wait for."""
    metadata = obj["metadata"]
    return bool(
        metadata.get("deletionTimestamp")
        and not metadata.get("finalizers")
        and not metadata.get("deletionGracePeriodSeconds")
        and not (resource.strategy.terminates and (obj.get("spec") or {}).get("finalizers"))
    )
