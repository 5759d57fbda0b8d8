"""Cells of `kubectl get`."""

from __future__ import annotations

from typing import Any

import pytest

from lab.kube.kinds.builtin.pod import pod_restarts, pod_status
from lab.kube.kinds.jsonpath import find
from lab.kube.kinds.printers import duration


def test_paths_of_printer_columns():
    obj: Any = {
        "status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "B"}]},
        "a.b": {"c": [1, 2]},
    }
    assert find(obj, '.status.conditions[?(@.type=="Ready")].status') == ["True"]
    assert find(obj, "{.status.conditions[*].type}") == ["Ready", "B"]
    assert find(obj, r".a\.b.c[1]") == [2]
    assert find(obj, ".nothing.here[0]") == []
    with pytest.raises(ValueError, match="unsupported JSONPath"):
        find(obj, ".a[?(@.x>1)]")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "<invalid>"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (199, "3m19s"),
        (601, "10m"),
        (3 * 3600 + 61, "3h1m"),
        (47 * 3600, "47h"),
        (49 * 3600, "2d1h"),
        (9 * 86400, "9d"),
        (800 * 86400, "2y70d"),
    ],
)
def test_ages_as_kubectl_words_them(seconds, text):
    assert duration(seconds) == text


def pod_of(status, *, deleted=False, init=0, **spec):
    metadata = {"name": "p"} | ({"deletionTimestamp": "2026-01-01T00:00:00Z"} if deleted else {})
    spec = {"containers": [{"name": "c"}], "initContainers": [{"name": f"i{n}"} for n in range(init)]} | spec
    return {"metadata": metadata, "spec": spec, "status": status}


def state(**state_of):
    return {"name": "c", "ready": False, "restartCount": 0, "state": state_of}


@pytest.mark.parametrize(
    ("pod", "text"),
    [
        (pod_of({"phase": "Pending"}), "Pending"),
        (pod_of({"phase": "Running"}, deleted=True), "Terminating"),
        (pod_of({"phase": "Pending", "containerStatuses": [state(waiting={"reason": "ErrImagePull"})]}),
         "ErrImagePull"),
        (pod_of({"phase": "Running", "containerStatuses": [state(waiting={"reason": "CrashLoopBackOff"})]}),
         "CrashLoopBackOff"),
        (pod_of({"phase": "Succeeded", "containerStatuses": [state(terminated={"reason": "Completed"})]}),
         "Completed"),
        (pod_of({"phase": "Failed", "containerStatuses": [state(terminated={"exitCode": 3})]}),
         "ExitCode:3"),
        (pod_of({"phase": "Pending", "initContainerStatuses": [
            {"name": "i0", "state": {"terminated": {"exitCode": 0}}},
            {"name": "i1", "state": {"running": {}}}]}, init=2), "Init:1/2"),
        (pod_of({"phase": "Pending", "initContainerStatuses": [
            {"name": "i0", "state": {"waiting": {"reason": "ErrImagePull"}}}]}, init=1),
         "Init:ErrImagePull"),
        (pod_of({"phase": "Pending", "initContainerStatuses": [
            {"name": "i0", "state": {"terminated": {"exitCode": 1, "reason": "Error"}}}]}, init=1),
         "Init:Error"),
        (pod_of({"phase": "Running", "containerStatuses": [
            {"name": "c", "ready": True, "state": {"running": {}}}]}), "Running"),
    ],
)  # fmt: skip
def test_the_status_column_of_pods(pod, text):
    assert pod_status(pod) == text


def test_the_restarts_column_of_pods():
    once = {
        "name": "c",
        "restartCount": 2,
        "lastState": {"terminated": {"finishedAt": "2020-01-01T00:00:00Z"}},
    }
    assert pod_restarts(pod_of({"containerStatuses": [state(running={})]})) == "0"
    assert pod_restarts(pod_of({"containerStatuses": [once]})).startswith("2 (")
