"""Probes of applications under STRICT, as in Istio's task "Health checking of Istio services"."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.e2e.sidecars.conftest import Kubectl, until
from tests.e2e.sidecars.pods import CURL, HTTPBIN, manifest, pod, strict


def http(path: str, port: int | str = 8080, **more: Any) -> dict[str, Any]:
    return {"httpGet": {"path": path, "port": port, **more}}


def tcp(port: int) -> dict[str, Any]:
    return {"tcpSocket": {"port": port}}


# By container; those whose probe is that of another container ask the pod's port all the same.
REWRITTEN: Mapping[str, dict[str, Any]] = {
    "http": http("/get"),
    "by-name": http("/get", "web"),
    "redirected": http("/redirect/1"),
    "tcp": tcp(8080),
    "unhealthy": http("/status/503"),
    "http-closed": http("/get", 81),
    "http-not-https": http("/get", scheme="HTTPS"),
    "tcp-closed": tcp(81),
}
WELL = ("http", "by-name", "redirected", "tcp")
FAILURES = {f"Readiness probe failed: HTTP probe failed with statuscode: {status}" for status in (500, 503)}

AS_IS: Mapping[str, dict[str, Any]] = {
    "http": http("/get"),
    "tcp": tcp(8080),
    # The proxy takes the connection, whoever listens behind it.
    "tcp-closed": tcp(81),
    "exec": {"exec": {"command": ["true"]}},
}
TAKEN = ("tcp", "tcp-closed", "exec")


@pytest.fixture(scope="module")
def probed(kubectl: Kubectl) -> Iterator[Kubectl]:
    kubectl.namespace("probed", "istio-injection=enabled")

    def probing(name: str, probes: Mapping[str, dict[str, Any]], **annotations: str) -> dict[str, Any]:
        made = pod(name, "probed", HTTPBIN, {f"sidecar.istio.io/{k}": v for k, v in annotations.items()})
        made["spec"]["containers"] += [
            {
                **CURL,
                "name": container,
                "ports": [{"name": "web", "containerPort": 8080}] if container == "by-name" else [],
                "readinessProbe": dict(probe, periodSeconds=1),
            }
            for container, probe in probes.items()
        ]
        return made

    dies = {**http("/status/500"), "periodSeconds": 1, "failureThreshold": 2}
    rewritten = probing("rewritten", REWRITTEN, rewriteAppHTTPProbers="maybe")
    rewritten["spec"]["containers"].append({**CURL, "name": "not-alive", "livenessProbe": dies})
    as_is = probing("as-is", AS_IS, rewriteAppHTTPProbers="false")
    kubectl("apply", "-f", "-", given=manifest(strict("probed"), rewritten, as_is))
    yield kubectl
    kubectl("delete", "namespace", "probed", "--wait=false")


def test_probes_of_the_application_go_by_the_sidecar(probed: Kubectl) -> None:
    until(lambda: set(WELL) <= _ready(probed, "rewritten") and _unhealthy(probed, "rewritten") >= FAILURES)
    assert not _ready(probed, "rewritten") & (REWRITTEN.keys() - set(WELL))


def test_probes_that_are_left_to_the_kubelet_meet_strict(probed: Kubectl) -> None:
    until(lambda: set(TAKEN) <= _ready(probed, "as-is") and _unhealthy(probed, "as-is"))
    refused = r'Readiness probe failed: Get "http://[\d.:]+/get": read tcp [\d.:]+->[\d.:]+:8080: read: '
    assert all(re.match(f"{refused}connection reset by peer", said) for said in _unhealthy(probed, "as-is"))
    assert "http" not in _ready(probed, "as-is")


def test_whoever_is_not_alive_is_restarted(probed: Kubectl) -> None:
    killed = "Container not-alive failed liveness probe, will be restarted"
    until(lambda: killed in _messages(probed, "rewritten", "Killing"))


def test_what_the_pod_says_of_its_probes(probed: Kubectl) -> None:
    spec = json.loads(probed("get", "pod", "-n", "probed", "rewritten", "-o", "json"))["spec"]
    containers = {each["name"]: each for each in (*spec["initContainers"], *spec["containers"])}
    asked = {"path": "/app-health/by-name/readyz", "port": 15020, "scheme": "HTTP"}
    assert containers["by-name"]["readinessProbe"]["httpGet"] == asked
    environment = {each["name"]: each.get("value") for each in containers["istio-proxy"]["env"]}
    told = json.loads(environment["ISTIO_KUBE_APP_PROBERS"])
    action = {"path": "/get", "port": 8080, "scheme": "HTTP"}
    assert told[asked["path"]] == {"httpGet": action, "timeoutSeconds": 1}


def _ready(kubectl: Kubectl, name: str) -> set[str]:
    found = json.loads(kubectl("get", "pod", "-n", "probed", name, "-o", "json"))
    return {each["name"] for each in found["status"].get("containerStatuses", ()) if each["ready"]}


def _unhealthy(kubectl: Kubectl, name: str) -> set[str]:
    """What was said of its probes, but for those of the proxy, and of an application that has not started."""
    said = _messages(kubectl, name, "Unhealthy")
    return {each for each in said if "connection refused" not in each and not re.search(":150(20|21)/", each)}


def _messages(kubectl: Kubectl, name: str, reason: str) -> set[str]:
    chosen = f"--field-selector=involvedObject.name={name},reason={reason}"
    found = json.loads(kubectl("get", "events", "-n", "probed", chosen, "-o", "json"))["items"]
    return {event["message"] for event in found}
