"""The order of a pod with a sidecar: the proxy is there before what it serves, and after it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.e2e.sidecars.conftest import Kubectl, until
from tests.e2e.sidecars.pods import CURL, HTTPBIN, manifest, pod, service, strict
from tests.planes.differences import differs

GOES_ON = {"lifecycle": {"preStop": {"sleep": {"seconds": 4}}}}
ANSWERS_FOR_S = 3
DRIP = f"/drip?duration={ANSWERS_FOR_S}&numbytes=4&delay=0"


@pytest.fixture(scope="module")
def ordered(kubectl: Kubectl) -> Iterator[Kubectl]:
    kubectl.namespace("ordered", "istio-injection=enabled")
    ending = pod("ending", "ordered", HTTPBIN | GOES_ON, terminationGracePeriodSeconds=10)
    staying = [pod("staying", "ordered", HTTPBIN), service("staying", "ordered")]
    client = pod("client", "ordered", CURL)
    kubectl(
        "apply",
        "-f",
        "-",
        given=manifest(strict("ordered"), ending, service("ending", "ordered"), *staying, client),
    )
    kubectl.ready("ordered")
    yield kubectl
    kubectl("delete", "namespace", "ordered", "--wait=false")


def test_a_response_that_is_on_its_way_when_a_pod_is_deleted_arrives(ordered: Kubectl) -> None:
    until(lambda: ordered.statuses("ordered", "client", "curl", "http://ending:8000/get") == ["200/0"])
    curl = ["curl", "-s", "-N", "-w", " %{http_code}/%{exitcode}", f"http://ending:8000{DRIP}"]
    with subprocess.Popen(
        ["kubectl", "exec", "-n", "ordered", "client", "-c", "curl", "--", *curl],
        env=ordered.environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as asking:
        assert asking.stdout
        said, began = asking.stdout.read(1), time.monotonic()
        ordered("delete", "pod", "-n", "ordered", "ending", "--wait=false")
        assert time.monotonic() - began < ANSWERS_FOR_S, "it was deleted too late to show anything"
        said += asking.communicate(timeout=30)[0]
    assert said == "**** 200/0"


@differs("native-sidecars")
def test_an_init_container_is_in_the_mesh(ordered: Kubectl) -> None:
    asks = {**CURL, "name": "asks", "command": ["curl", "-sf", "-m", "5", "http://staying.ordered:8000/get"]}
    first = pod("first", "ordered", CURL, initContainers=[asks], restartPolicy="Never")
    ordered("apply", "-f", "-", given=manifest(first))
    until(lambda: ordered.ended("ordered", "first", "asks"))
    assert ordered.ended("ordered", "first", "asks") == "0", "STRICT let its request in"
