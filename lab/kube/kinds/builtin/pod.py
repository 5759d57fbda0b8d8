"""Pods: defaults, validation as in a real API server, deletion, and the columns of kubectl."""

from __future__ import annotations

from datetime import UTC, datetime

from lab.kube import errors
from lab.kube.errors import Cause
from lab.kube.group_resources import PODS
from lab.kube.identity.auth import User
from lab.kube.kinds.podspec import apply_podspec_defaults, check_podspec, check_quantities, containers_of
from lab.kube.kinds.printers import AGE, NAME, NONE, Column, duration, spec_of, status_of
from lab.kube.kinds.resources import native
from lab.kube.kinds.strategies import Strategy
from lab.kube.objects import Object
from lab.kube.timestamps import moment_of

_FIELDS = (
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "spec.hostNetwork",
    "status.phase",
    "status.podIP",
    "status.nominatedNodeName",
)


_MUTABLE = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def _defaults(pod: Object) -> None:
    spec = pod.setdefault("spec", {})
    # What the ServiceAccount admission plugin of a real server does.
    spec.setdefault("serviceAccountName", spec.get("serviceAccount") or "default")
    apply_podspec_defaults(spec)
    check_quantities("Pod", spec)


def _prepare(pod: Object, _user: User) -> None:
    """The status a pod is created with, whatever its creator wrote."""
    resources = [container.get("resources") or {} for _, container in containers_of(pod.get("spec") or {})]
    burstable = any(resource.get("requests") or resource.get("limits") for resource in resources)
    pod["status"] = {"phase": "Pending", "qosClass": "Burstable" if burstable else "BestEffort"}


def _validate(pod: Object, old: Object | None) -> list[Cause]:
    if old is None:
        return check_podspec(pod["spec"], "spec")
    if _frozen(pod["spec"], old["spec"]) != _frozen(old["spec"], old["spec"]):
        return [errors.field_forbidden("spec", _MUTABLE)]
    return []


def _frozen(spec: Object, old: Object) -> Object:
    """The part of a pod's spec that may not change. A node is bound once."""
    free = {"activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds"}
    if not old.get("nodeName"):
        free.add("nodeName")
    frozen = {field: value for field, value in spec.items() if field not in free}
    for field in ("initContainers", "containers"):
        if field in frozen:
            frozen[field] = [
                {name: value for name, value in container.items() if name not in ("image", "imagePullPolicy")}
                for container in frozen[field]
            ]
    return frozen


def _grace_period(pod: Object, asked: int | None) -> int:
    """Only a pod that runs on a node gets a grace period."""
    spec, status = spec_of(pod), status_of(pod)
    bound = spec.get("nodeName") or status.get("podIP") or status.get("startTime")
    if not bound or status.get("phase") in ("Succeeded", "Failed"):
        return 0
    return max(int(spec.get("terminationGracePeriodSeconds", 30) if asked is None else asked), 0)


def _ready_containers(pod: Object) -> str:
    """The READY column: containers and sidecars count, other init containers do not."""
    status, spec = status_of(pod), spec_of(pod)
    sidecars = {c["name"] for c in spec.get("initContainers") or [] if c.get("restartPolicy") == "Always"}
    lasting = [s for s in status.get("initContainerStatuses") or [] if s.get("name") in sidecars]
    ready = sum(bool(s.get("ready")) for s in [*lasting, *(status.get("containerStatuses") or [])])
    return f"{ready}/{len(sidecars) + len(spec.get('containers') or [])}"


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


RESOURCES = (
    native(
        "io.k8s.api.core.v1.Pod",
        PODS,
        short_names=("po",),
        categories=("all",),
        subresources=("exec", "log", "portforward", "status"),
        fields=_FIELDS,
        columns=(
            NAME,
            Column("Ready", _ready_containers),
            Column("Status", pod_status),
            Column("Restarts", pod_restarts),
            AGE,
            Column("IP", lambda obj: status_of(obj).get("podIP") or NONE, priority=1),
            Column("Node", lambda obj: spec_of(obj).get("nodeName") or NONE, priority=1),
            Column("Nominated Node", lambda obj: status_of(obj).get("nominatedNodeName") or NONE, priority=1),
            Column("Readiness Gates", lambda _: NONE, priority=1),
        ),
        strategy=Strategy(
            defaults=_defaults,
            prepare_for_create=_prepare,
            validate=_validate,
            complete=True,
            grace_period=_grace_period,
            returns_deleted=True,
        ),
    ),
)
