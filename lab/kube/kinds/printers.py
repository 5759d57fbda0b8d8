"""How `kubectl get` words ages and the state of a pod."""

from __future__ import annotations

from datetime import UTC, datetime

from lab.kube.objects import Object
from lab.kube.timestamps import moment_of


def since(timestamp: object) -> str:
    """The age of a time stamp: `37s`, `5m10s`, `3d4h`."""
    then = moment_of(timestamp)
    if then is None:
        return "<unknown>"
    return duration(int((datetime.now(UTC) - then).total_seconds()))


def duration(seconds: int) -> str:
    """Seconds in the two largest units that matter, as kubectl prints them."""
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if seconds < -1:
        return "<invalid>"
    if seconds < 120:
        return f"{max(seconds, 0)}s"
    if minutes < 10:
        return _pair(minutes, "m", seconds % 60, "s")
    if hours < 3:
        return f"{minutes}m"
    if hours < 8:
        return _pair(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return _pair(days, "d", hours % 24, "h")
    if days < 730:
        return f"{days}d"
    return _pair(days // 365, "y", days % 365, "d") if days < 2920 else f"{days // 365}y"


def _pair(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large}{large_unit}" + (f"{small}{small_unit}" if small else "")


def pod_status(pod: Object) -> str:
    """The STATUS column: the most telling reason among the pod's containers."""
    status, spec = pod.get("status") or {}, pod.get("spec") or {}
    reason = status.get("reason") or status.get("phase") or "Unknown"
    reason = _initializing(spec, status) or _running(status, reason)
    if pod["metadata"].get("deletionTimestamp") and status.get("phase") not in ("Succeeded", "Failed"):
        return "Unknown" if status.get("reason") == "NodeLost" else "Terminating"
    return str(reason)


def _is_sidecar(spec: Object, name: str) -> bool:
    return any(
        container.get("name") == name and container.get("restartPolicy") == "Always"
        for container in spec.get("initContainers") or []
    )


def _initializing(spec: Object, status: Object) -> str:
    if any(
        c.get("type") == "Initialized" and c.get("status") == "True" for c in status.get("conditions") or []
    ):
        return ""  # also when a sidecar starts anew
    total = len(spec.get("initContainers") or [])
    for index, container in enumerate(status.get("initContainerStatuses") or []):
        state = container.get("state") or {}
        terminated, waiting = state.get("terminated"), state.get("waiting") or {}
        if terminated and terminated.get("exitCode") == 0:
            continue
        if _is_sidecar(spec, container.get("name", "")) and container.get("started"):
            continue
        if terminated:
            return f"Init:{_ended(terminated)}"
        if waiting.get("reason") not in (None, "", "PodInitializing"):
            return f"Init:{waiting['reason']}"
        return f"Init:{index}/{total}"
    return ""


def _ended(terminated: Object) -> str:
    if terminated.get("reason"):
        return str(terminated["reason"])
    if terminated.get("signal"):
        return f"Signal:{terminated['signal']}"
    return f"ExitCode:{terminated.get('exitCode', 0)}"


def _running(status: Object, reason: str) -> str:
    has_running = False
    for container in reversed(status.get("containerStatuses") or []):
        state = container.get("state") or {}
        if (state.get("waiting") or {}).get("reason"):
            reason = state["waiting"]["reason"]
        elif state.get("terminated"):
            reason = _ended(state["terminated"])
        elif container.get("ready") and state.get("running") is not None:
            has_running = True
    if reason == "Completed" and has_running:
        ready = any(
            condition.get("type") == "Ready" and condition.get("status") == "True"
            for condition in status.get("conditions") or []
        )
        return "Running" if ready else "NotReady"
    return reason


def pod_restarts(pod: Object) -> str:
    """The RESTARTS column: the count, and when the last one was."""
    status, spec = pod.get("status") or {}, pod.get("spec") or {}
    containers = status.get("initContainerStatuses") or []
    if not _initializing(spec, status):
        lasting = [each for each in containers if _is_sidecar(spec, each.get("name", ""))]
        containers = [*lasting, *(status.get("containerStatuses") or [])]
    count = sum(container.get("restartCount", 0) for container in containers)
    ends = [
        then
        for container in containers
        if (then := moment_of(((container.get("lastState") or {}).get("terminated") or {}).get("finishedAt")))
    ]
    if not count or not ends:
        return str(count)
    return f"{count} ({duration(int((datetime.now(UTC) - max(ends)).total_seconds()))} ago)"
