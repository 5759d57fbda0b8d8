"""The state of a pod, as controllers see it."""

from __future__ import annotations

from lab.kube.objects import Object
from lab.kube.timestamps import seconds_since


def is_finished(pod: Object) -> bool:
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def is_terminating(pod: Object) -> bool:
    return "deletionTimestamp" in pod["metadata"]


def is_active(pod: Object) -> bool:
    """Whether it counts as a replica of its owner."""
    return not is_finished(pod) and not is_terminating(pod)


def ready_condition(pod: Object) -> Object | None:
    """The Ready condition, if it is true."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return next(
        (
            condition
            for condition in conditions
            if condition["type"] == "Ready" and condition["status"] == "True"
        ),
        None,
    )


def is_ready(pod: Object) -> bool:
    return ready_condition(pod) is not None


def seconds_until_available(pod: Object, min_ready_seconds: int) -> float | None:
    """0 for a pod that has been ready long enough, None for one that is not ready."""
    condition = ready_condition(pod)
    if condition is None:
        return None
    if not min_ready_seconds:
        return 0.0
    return max(0.0, min_ready_seconds - seconds_since(condition["lastTransitionTime"]))
