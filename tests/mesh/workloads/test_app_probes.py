"""What becomes of the probes of a pod that gets a sidecar: word for word what Istio's injector wrote."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lab.mesh.workloads.app_probes import are_rewritten, rewrite

TIMES = {"failureThreshold": 3, "periodSeconds": 10, "successThreshold": 1, "timeoutSeconds": 1}
HEADERS = [{"name": "A", "value": "b"}]


def container() -> dict[str, Any]:
    web = {"path": "x", "port": "web", "scheme": "HTTPS", "httpHeaders": HEADERS}
    return {
        "name": "c",
        "ports": [{"name": "web", "containerPort": 80}],
        "readinessProbe": {"httpGet": web, **TIMES},
        "livenessProbe": {"tcpSocket": {"port": 81}, **TIMES},
        "startupProbe": {"grpc": {"port": 9000, "service": "s"}, **TIMES},
        "lifecycle": {"preStop": {"httpGet": {"port": 80}}, "postStart": {"httpGet": {"port": "nix"}}},
    }


def asked(path: str) -> dict[str, Any]:
    return {"path": path, "port": 15020, "scheme": "HTTP"}


def test_what_asks_a_port_is_led_to_the_sidecar() -> None:
    spec = {"containers": [container()]}
    told = json.loads(rewrite(spec))
    (after,) = spec["containers"]
    assert after["readinessProbe"] == {
        "httpGet": asked("/app-health/c/readyz") | {"httpHeaders": HEADERS},
        **TIMES,
    }
    assert after["livenessProbe"] == {"httpGet": asked("/app-health/c/livez"), **TIMES}
    assert after["startupProbe"] == {"httpGet": asked("/app-health/c/startupz"), **TIMES}
    assert after["lifecycle"] == {
        "preStop": {"httpGet": asked("/app-lifecycle/c/prestopz")},
        "postStart": {"httpGet": asked("/app-lifecycle/c/poststartz")},
    }
    # A port of a name that the container does not have is nothing that the sidecar could ask.
    assert told == {
        "/app-health/c/livez": {"tcpSocket": {"port": 81}, "timeoutSeconds": 1},
        "/app-health/c/readyz": {
            "httpGet": {"path": "x", "port": 80, "scheme": "HTTPS", "httpHeaders": HEADERS},
            "timeoutSeconds": 1,
        },
        "/app-health/c/startupz": {"grpc": {"port": 9000, "service": "s"}, "timeoutSeconds": 1},
        "/app-lifecycle/c/prestopz": {"httpGet": {"port": 80}},
    }


def test_init_containers_are_led_there_too() -> None:
    spec = {"containers": [{"name": "d"}], "initContainers": [container()]}
    assert "/app-health/c/readyz" in json.loads(rewrite(spec))
    assert spec["initContainers"][0]["readinessProbe"]["httpGet"]["port"] == 15020


def test_commands_stay() -> None:
    probe = {"exec": {"command": ["true"]}, **TIMES}
    spec = {"containers": [{"name": "d", "readinessProbe": probe}]}
    assert rewrite(spec) == ""
    assert spec["containers"][0]["readinessProbe"] == probe


@pytest.mark.parametrize(
    ("value", "rewritten"),
    [(None, True), ("true", True), ("maybe", True), ("false", False), ("0", False), ("F", False)],
)
def test_who_wants_them_as_they_are(value: str | None, rewritten: bool) -> None:
    annotations = {} if value is None else {"sidecar.istio.io/rewriteAppHTTPProbers": value}
    assert are_rewritten(annotations) is rewritten
