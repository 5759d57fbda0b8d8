"""Waiting for workloads of a lab that do not become available: the reason, at once, and once only."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from kubernetes.client import CoreV1Api

from fixtures.cluster.client import Cluster, Manifest
from fixtures.cluster.waiting import Waits
from fixtures.mesh_profile.parts import Readiness
from fixtures.model.errors import HarnessError
from tests.labs import running_lab

BOUND_S, PATIENCE_S = 60, 1.0
SOON_S = 15
NAMESPACE = "shop"
NOT_AT_ONCE = {"exec": {"command": ["true"]}, "initialDelaySeconds": 5}
"""Without a probe a container is ready while it runs, however short that is."""
IMAGE = "curlimages/curl:8.21.0"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with running_lab() as kubeconfig:
        context = yaml.safe_load(kubeconfig.read_text())["current-context"]
        there = Cluster(kubeconfig, context, "test")
        there.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        yield there


@pytest.fixture
def waits(cluster: Cluster) -> Iterator[Waits]:
    """With what is applied gone in the end."""
    yield Waits(cluster, patience=PATIENCE_S)
    for item in cluster.within(NAMESPACE, "apps/v1", "Deployment"):
        cluster.delete({"apiVersion": "apps/v1", "kind": "Deployment", **item})


def deployment(**container: Any) -> Manifest:
    labels = {"app": "web"}
    spec = {"containers": [{"name": "app", "image": IMAGE, "command": ["sleep", "1000"], **container}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": NAMESPACE},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }


def in_vain(waits: Waits) -> str:
    """What a wait says that ends long before its bound."""
    start = time.monotonic()
    with pytest.raises(HarnessError) as failure:
        waits.for_deployments([NAMESPACE], BOUND_S)
    assert time.monotonic() - start < SOON_S
    assert "\n" not in str(failure.value)
    return str(failure.value)


@pytest.mark.parametrize(
    ("container", "reason"),
    [
        (
            {"image": "example.com/nobody/nothing:1"},
            'container app: Failed to pull image "example.com/nobody/nothing:1"',
        ),
        (
            {"command": ["sh", "-c", "exit 7"], "readinessProbe": NOT_AT_ONCE},
            "container app exits with code 7, restarted ",
        ),
        (
            {"envFrom": [{"configMapRef": {"name": "nowhere"}}]},
            "container app: CreateContainerConfigError: ",
        ),
    ],
    ids=["no such image", "crash", "no such configuration"],
)
def test_a_wait_ends_as_soon_as_its_reason_is_plain_and_is_not_repeated(
    cluster: Cluster, waits: Waits, container: dict[str, Any], reason: str
) -> None:
    cluster.apply(deployment(**container))
    said = in_vain(waits)
    assert said.startswith("not available after ")
    assert f"Deployment {NAMESPACE}/web (0 of 1 available: " in said
    assert reason in said
    start = time.monotonic()
    again = in_vain(waits)
    assert time.monotonic() - start < PATIENCE_S
    assert again.startswith(f"still not available, not waiting again: Deployment {NAMESPACE}/web (0 of 1")
    assert reason in again
    cluster.apply(deployment())
    other = Waits(cluster, patience=PATIENCE_S)
    other.for_deployments([NAMESPACE], BOUND_S)
    waits.for_deployments([NAMESPACE], BOUND_S)


def test_a_pod_that_fits_on_no_node(cluster: Cluster, waits: Waits) -> None:
    """The lab's node takes every pod: the test says what a scheduler would, of a pod that does not start."""
    cluster.apply(deployment(image="example.com/nobody/nothing:1"))
    core = CoreV1Api(cluster.api)
    pod = _waiting(cluster, "ImagePullBackOff")
    condition = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": "0/1 nodes are available: 1 Insufficient cpu. preemption: not helpful.",
    }
    status = {"phase": "Pending", "conditions": [condition], "containerStatuses": []}
    found = {**pod, "apiVersion": "v1", "kind": "Pod", "status": status}
    core.replace_namespaced_pod_status(pod["metadata"]["name"], NAMESPACE, found)
    assert in_vain(waits).endswith(
        f"Deployment {NAMESPACE}/web (0 of 1 available: 0/1 nodes are available: 1 Insufficient cpu)"
    )


def _waiting(cluster: Cluster, reason: str) -> Manifest:
    deadline = time.monotonic() + SOON_S
    while time.monotonic() < deadline:
        for pod in cluster.pods(NAMESPACE, "app=web"):
            for container in pod.get("status", {}).get("containerStatuses", ()):
                if container["state"].get("waiting", {}).get("reason") == reason:
                    return pod
        time.sleep(0.1)
    raise AssertionError(f"no pod waits for {reason}")


def test_a_wait_shows_what_it_waits_for(cluster: Cluster) -> None:
    """After some seconds, and again when it is something else."""
    cluster.apply(deployment(image="example.com/nobody/nothing:1"))
    told: list[str] = []
    with pytest.raises(HarnessError):
        Waits(cluster, told.append, patience=4.0).for_deployments([NAMESPACE], BOUND_S)
    assert told
    assert told[0].startswith(
        f"waiting for Deployment {NAMESPACE}/web (0 of 1 available: container app: Failed"
    )
    assert len(told) == len(set(told))
    cluster.delete(deployment())


def test_what_becomes_available_in_time_is_no_trouble(cluster: Cluster, waits: Waits) -> None:
    """A trouble that passes within the patience is forgotten."""
    cluster.apply(deployment(envFrom=[{"configMapRef": {"name": "late"}}]))
    _waiting(cluster, "CreateContainerConfigError")
    data = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "late", "namespace": NAMESPACE}}
    cluster.apply({**data, "data": {"KEY": "value"}})
    Waits(cluster, patience=10).for_deployments([NAMESPACE], BOUND_S)


def test_a_mesh_whose_image_cannot_be_pulled(cluster: Cluster) -> None:
    """The lab has no controller of DaemonSets: the test makes the pod that one would make."""
    labels = {"app": "node-proxy"}
    pod_spec = {"containers": [{"name": "proxy", "image": "example.com/nobody/ztunnel:1"}]}
    template = {"metadata": {"labels": labels}, "spec": pod_spec}
    daemons = {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "node-proxy", "namespace": NAMESPACE},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "node-proxy-1", "namespace": NAMESPACE, "labels": labels},
        "spec": pod_spec,
    }
    for manifest in (daemons, pod):
        cluster.apply(manifest)
    readiness = Readiness(
        BOUND_S, (("DaemonSet", NAMESPACE, "node-proxy"), ("Deployment", NAMESPACE, "none"))
    )
    start = time.monotonic()
    with pytest.raises(HarnessError) as failure:
        Waits(cluster, patience=PATIENCE_S).for_mesh(readiness)
    assert time.monotonic() - start < SOON_S
    said = str(failure.value)
    assert said.startswith("the mesh is not ready after ")
    assert f"DaemonSet {NAMESPACE}/node-proxy (" in said
    assert "container proxy: Failed to pull image" in said
    assert said.endswith(f"Deployment {NAMESPACE}/none (not there)")
