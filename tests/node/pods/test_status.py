from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lab.node.pods.status import ContainerState, Running, State, Terminated, Waiting, phase_of, pod_status

THEN = "2026-01-01T00:00:00Z"
DONE, FAILED = (Terminated(code, "", THEN, THEN) for code in (0, 1))
RUNS, WAITS = Running(THEN), Waiting("PodInitializing")
APP = ContainerState("app", "image", RUNS, ready=True, started=True)
SIDECAR = ContainerState("proxy", "image", RUNS, ready=True, started=True, role="sidecar")
POD: Any = {"spec": {}}


def conditions(init: list[ContainerState], containers: list[ContainerState]) -> dict[str, str]:
    status = pod_status(POD, "10.244.0.2", init, containers, {})
    return {condition["type"]: condition["status"] for condition in status["conditions"]}


def test_a_pod_whose_sidecar_starts_anew_stays_initialized_and_running() -> None:
    crashed = replace(SIDECAR, state=Waiting("CrashLoopBackOff"), ready=False, started=False, last=FAILED)
    assert phase_of("Always", [crashed], [APP]) == "Running"
    found = conditions([crashed], [APP])
    assert (found["Initialized"], found["Ready"], found["ContainersReady"]) == ("True", "False", "False")


def test_a_pod_is_not_initialized_before_its_sidecar_has_started() -> None:
    starting = replace(SIDECAR, ready=False, started=False)
    waiting = replace(APP, state=WAITS, ready=False, started=False)
    assert phase_of("Always", [starting], [waiting]) == "Pending"
    assert conditions([starting], [waiting])["Initialized"] == "False"


@pytest.mark.parametrize(
    ("policy", "app", "sidecar", "phase"),
    [
        ("Never", DONE, RUNS, "Running"),
        ("Never", DONE, DONE, "Succeeded"),
        ("Never", DONE, FAILED, "Succeeded"),
        ("Never", FAILED, DONE, "Failed"),
        ("OnFailure", FAILED, RUNS, "Running"),
        ("Always", RUNS, FAILED, "Running"),
    ],
)
def test_the_containers_alone_decide_how_a_pod_has_ended(
    policy: str, app: State, sidecar: State, phase: str
) -> None:
    assert phase_of(policy, [replace(SIDECAR, state=sidecar)], [replace(APP, state=app)]) == phase
