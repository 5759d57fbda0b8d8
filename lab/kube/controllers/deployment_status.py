"""Conditions of a Deployment, with the reasons and messages that `kubectl rollout status` reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NotRequired, TypedDict

from lab.kube.controllers.rollout import Bounds
from lab.kube.errors import ApiError
from lab.kube.objects import Object
from lab.kube.timestamps import now, seconds_since


class Condition(TypedDict):
    """One condition, before its times are known or with them."""

    type: str
    status: str
    reason: str
    message: str
    lastUpdateTime: NotRequired[str]
    lastTransitionTime: NotRequired[str]


def conditions(
    deployment: Object, status: Object, new: Object | None, refusal: ApiError | None
) -> list[Condition]:
    """Available, Progressing and, if a ReplicaSet or pods are rejected, ReplicaFailure.

    `status` has this round's counts.
    """
    before = deployment.get("status") or {}
    known = {condition["type"]: condition for condition in before.get("conditions") or ()}
    wanted = [_available(deployment["spec"], status), _progressing(deployment, status, new, known)]
    message = refusal.message if refusal is not None else _failure_of(new)
    if message:
        wanted.append(_condition("ReplicaFailure", "True", "FailedCreate", message))
    moved = _moved(before, status)
    return [_dated(condition, known.get(condition["type"]), moved) for condition in wanted]


def _failure_of(replica_set: Object | None) -> str:
    """Why a ReplicaSet cannot create its pods, "" if it can."""
    found = ((replica_set or {}).get("status") or {}).get("conditions") or ()
    return next((each["message"] for each in found if each["type"] == "ReplicaFailure"), "")


def progress_deadline(spec: Object, status: Object) -> float | None:
    """Seconds until the progress deadline; None if the rollout is complete, has exceeded it, or is paused."""
    for condition in status["conditions"]:
        if condition["type"] == "Progressing" and condition["reason"] in _UNDER_WAY:
            limit = float(spec.get("progressDeadlineSeconds", 600))
            return max(0.0, limit - seconds_since(condition["lastUpdateTime"])) + 0.1
    return None


_UNDER_WAY = frozenset({"NewReplicaSetCreated", "FoundNewReplicaSet", "ReplicaSetUpdated"})


def _condition(kind: str, status: str, reason: str, message: str) -> Condition:
    return {"type": kind, "status": status, "reason": reason, "message": message}


def _available(spec: Object, status: Object) -> Condition:
    if status.get("availableReplicas", 0) >= spec["replicas"] - Bounds.of(spec).unavailable:
        message = "Deployment has minimum availability."
        return _condition("Available", "True", "MinimumReplicasAvailable", message)
    message = "Deployment does not have minimum availability."
    return _condition("Available", "False", "MinimumReplicasUnavailable", message)


def _progressing(
    deployment: Object, status: Object, new: Object | None, known: Mapping[str, Condition]
) -> Condition:
    spec = deployment["spec"]
    before = known.get("Progressing")
    if spec.get("paused"):
        return _condition("Progressing", "Unknown", "DeploymentPaused", "Deployment is paused")
    if new is None:
        message = f'Deployment "{deployment["metadata"]["name"]}" is progressing.'
        return _condition("Progressing", "True", "ReplicaSetUpdated", message)
    named = f'ReplicaSet "{new["metadata"]["name"]}"'
    if _complete(spec, status):
        message = f"{named} has successfully progressed."
        return _condition("Progressing", "True", "NewReplicaSetAvailable", message)
    resumed = before is not None and before["reason"] == "DeploymentPaused"
    if before is None or (not resumed and new["metadata"]["name"] not in before["message"]):
        message = f'Created new replica set "{new["metadata"]["name"]}"'
        return _condition("Progressing", "True", "NewReplicaSetCreated", message)
    if not resumed and not _moved(deployment.get("status") or {}, status):
        # Complete before and no longer: a pod was lost, or it is being scaled. That has no deadline.
        if before["reason"] not in _UNDER_WAY or not _overdue(spec, before):
            return _condition(before["type"], before["status"], before["reason"], before["message"])
        message = f"{named} has timed out progressing."
        return _condition("Progressing", "False", "ProgressDeadlineExceeded", message)
    return _condition("Progressing", "True", "ReplicaSetUpdated", f"{named} is progressing.")


def _complete(spec: Object, status: Object) -> bool:
    counts = ("updatedReplicas", "replicas", "availableReplicas")
    return all(status.get(count, 0) == spec["replicas"] for count in counts)


def _moved(before: Object, status: Object) -> bool:
    """Whether there are more new, ready or available pods, or fewer old ones, than last time."""
    if any(
        status.get(count, 0) > before.get(count, 0)
        for count in ("updatedReplicas", "readyReplicas", "availableReplicas")
    ):
        return True
    return _old(status) < _old(before)


def _old(status: Object) -> int:
    return int(status.get("replicas", 0)) - int(status.get("updatedReplicas", 0))


def _overdue(spec: Object, before: Condition) -> bool:
    limit = float(spec.get("progressDeadlineSeconds", 600))
    return seconds_since(before["lastUpdateTime"]) >= limit


def _dated(condition: Condition, before: Condition | None, moved: bool) -> Condition:
    present = now()
    if before is None:
        return condition | {"lastUpdateTime": present, "lastTransitionTime": present}
    same_status = before["status"] == condition["status"]
    same = same_status and (before["reason"], before["message"]) == (
        condition["reason"],
        condition["message"],
    )
    progress = moved and condition["type"] == "Progressing" and condition["reason"] in _UNDER_WAY
    return condition | {
        "lastUpdateTime": before["lastUpdateTime"] if same and not progress else present,
        "lastTransitionTime": before["lastTransitionTime"] if same_status else present,
    }
