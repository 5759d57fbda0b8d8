"""The status of a pod, computed from the states of its containers. Kubernetes API: PodStatus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from lab.kube.client import Object, now
from lab.node.network.pod_network import NODE_ADDRESS

Phase = Literal["Pending", "Running", "Succeeded", "Failed"]


@dataclass(frozen=True)
class Waiting:
    """A container that has not started, or is between two runs."""

    reason: str
    message: str = ""

    def as_object(self) -> Object:
        return {"waiting": _without_empty({"reason": self.reason, "message": self.message})}


@dataclass(frozen=True)
class Running:
    started_at: str

    def as_object(self) -> Object:
        return {"running": {"startedAt": self.started_at}}


@dataclass(frozen=True)
class Terminated:
    exit_code: int
    reason: str
    started_at: str
    finished_at: str
    message: str = ""
    container_id: str = ""

    def as_object(self) -> Object:
        fields = {
            "exitCode": self.exit_code,
            "reason": self.reason,
            "message": self.message,
            "startedAt": self.started_at,
            "finishedAt": self.finished_at,
            "containerID": self.container_id,
        }
        return {"terminated": {k: v for k, v in fields.items() if v != ""}}


State = Waiting | Running | Terminated

Role = Literal["container", "init", "sidecar"]
"""A sidecar is a native one: an init container with `restartPolicy: Always`."""


@dataclass
class ContainerState:
    """The current state of one container. The task that runs the container updates it."""

    name: str
    image: str
    state: State = field(default_factory=lambda: Waiting("ContainerCreating"))
    last: Terminated | None = None
    ready: bool = False
    started: bool = False
    restarts: int = 0
    container_id: str = ""
    role: Role = "container"

    @property
    def passed(self) -> bool:
        """Whether what comes after this init container may start."""
        return self.started if self.role == "sidecar" else self.completed

    @property
    def completed(self) -> bool:
        return isinstance(self.state, Terminated) and self.state.exit_code == 0

    def as_object(self) -> Object:
        return {
            "name": self.name,
            "image": self.image,
            "imageID": f"lab://{self.image}" if self.container_id else "",
            "containerID": self.container_id,
            "ready": self.ready or (self.role == "init" and self.completed),
            "started": self.started,
            "restartCount": self.restarts,
            "state": self.state.as_object(),
            "lastState": self.last.as_object() if self.last else {},
        }


def pod_status(
    pod: Object,
    address: str | None,
    init: Sequence[ContainerState],
    containers: Sequence[ContainerState],
    previous: Object,
) -> Object:
    """The whole status of a pod. `previous` (its last status) gives the times of unchanged conditions."""
    phase = phase_of(pod["spec"].get("restartPolicy", "Always"), init, containers)
    status: Object = {
        "phase": phase,
        "conditions": _conditions(phase, init, containers, previous.get("conditions") or []),
        "hostIP": NODE_ADDRESS,
        "hostIPs": [{"ip": NODE_ADDRESS}],
        "startTime": previous.get("startTime") or now(),
        "qosClass": previous.get("qosClass") or "BestEffort",
        "containerStatuses": [container.as_object() for container in containers],
    }
    if init:
        status["initContainerStatuses"] = [container.as_object() for container in init]
    if address:
        status |= {"podIP": address, "podIPs": [{"ip": address}]}
    return status


def phase_of(policy: str, init: Sequence[ContainerState], containers: Sequence[ContainerState]) -> Phase:
    """Kubernetes' pod lifecycle: Pending until all have started once, then by what has ended."""
    if policy == "Never" and any(_failed(container) for container in init if container.role == "init"):
        return "Failed"
    if not _initialized(init, containers):
        return "Pending"
    if all(isinstance(container.state, Terminated) for container in containers):
        if any(isinstance(container.state, Running) for container in init):
            return "Running"  # its sidecars are about to end
        if policy == "Always":
            return "Running"
        if not any(_failed(container) for container in containers):
            return "Succeeded"
        return "Failed" if policy == "Never" else "Running"
    if not all(_has_run(container) for container in containers):
        return "Pending"
    return "Running"


def _failed(container: ContainerState) -> bool:
    return isinstance(container.state, Terminated) and container.state.exit_code != 0


def _initialized(init: Sequence[ContainerState], containers: Sequence[ContainerState]) -> bool:
    """Once it is, a sidecar that starts anew changes nothing."""
    return all(c.passed for c in init) or any(_has_run(c) for c in containers)


def _has_run(container: ContainerState) -> bool:
    return container.last is not None or not isinstance(container.state, Waiting)


def _conditions(
    phase: Phase,
    init: Sequence[ContainerState],
    containers: Sequence[ContainerState],
    previous: Sequence[Object],
) -> list[Object]:
    incomplete = [] if _initialized(init, containers) else [c.name for c in init if not c.passed]
    lasting = [*(c for c in init if c.role == "sidecar"), *containers]
    unready = [c.name for c in lasting if not c.ready]
    finished = phase == "Succeeded"
    not_ready = (
        ("PodCompleted", "")
        if finished
        else ("ContainersNotReady", f"containers with unready status: [{' '.join(unready)}]")
    )
    ready = not unready and not incomplete and phase == "Running"
    not_initialized = (
        "ContainersNotInitialized",
        f"containers with incomplete status: [{' '.join(incomplete)}]",
    )
    found = [
        ("PodReadyToStartContainers", phase != "Pending" or bool(init or containers), ("", "")),
        ("Initialized", not incomplete, ("PodCompleted", "") if finished else not_initialized),
        ("Ready", ready, not_ready),
        ("ContainersReady", ready, not_ready),
        ("PodScheduled", True, ("", "")),
    ]
    before = {condition["type"]: condition for condition in previous}
    return [_condition(kind, value, why, before.get(kind)) for kind, value, why in found]


def _condition(kind: str, value: bool, why: tuple[str, str], before: Object | None) -> Object:
    status = "True" if value else "False"
    unchanged = before is not None and before["status"] == status
    condition = {
        "type": kind,
        "status": status,
        "lastProbeTime": None,
        "lastTransitionTime": before["lastTransitionTime"] if unchanged and before else now(),
    }
    reason, message = ("", "") if value and why[0] != "PodCompleted" else why
    return condition | _without_empty({"reason": reason, "message": message})


def _without_empty(fields: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in fields.items() if value}
