"""Which pods join the mesh."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from lab.mesh.injection import inject, wants_sidecar

BOOTSTRAP = Path("/run/lab/proxies/u/bootstrap.json")


def pod(label: str = "", annotation: str = "", namespace: str = "foo", **spec: Any) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": "httpbin-5d8f-x", "namespace": namespace, "uid": "u"}
    if label:
        metadata["labels"] = {"sidecar.istio.io/inject": label}
    if annotation:
        metadata["annotations"] = {"sidecar.istio.io/inject": annotation}
    return {"metadata": metadata, "spec": {"containers": [{"name": "httpbin"}], **spec}}


def named(namespace_label: str) -> dict[str, Any]:
    labels = {"istio-injection": namespace_label} if namespace_label else {}
    return {"metadata": {"name": "foo", "labels": labels}}


@pytest.mark.parametrize(
    ("namespace", "label", "annotation", "joins"),
    [
        ("", "", "", False),
        ("enabled", "", "", True),
        ("disabled", "", "", False),
        ("something", "", "", False),
        ("enabled", "false", "", False),
        ("enabled", "", "false", False),
        ("", "true", "", True),
        ("", "", "true", True),
        ("enabled", "true", "false", True),
        ("enabled", "false", "true", False),
        ("disabled", "true", "", False),
        ("disabled", "", "true", False),
    ],
)
def test_who_joins(namespace: str, label: str, annotation: str, joins: bool) -> None:
    assert wants_sidecar(pod(label, annotation), named(namespace)) is joins


@pytest.mark.parametrize(
    "outside", [pod(hostNetwork=True, label="true"), pod("true", namespace="kube-system")]
)
def test_who_never_joins(outside: dict[str, Any]) -> None:
    assert wants_sidecar(outside, named("enabled")) is False


def test_what_is_added() -> None:
    before = pod()
    before["metadata"]["labels"] = {"app": "httpbin", "version": "v1"}
    before["spec"]["initContainers"] = [{"name": "own"}]
    untouched = copy.deepcopy(before)
    after = inject(before, BOOTSTRAP)
    assert before == untouched
    assert [each["name"] for each in after["spec"]["initContainers"]] == ["own", "istio-init"]
    assert [each["name"] for each in after["spec"]["containers"]] == ["httpbin", "istio-proxy"]
    assert after["spec"]["containers"][1]["args"] == ["--config", str(BOOTSTRAP)]
    socket = {"name": "ENVOY_ADMIN_SOCKET", "value": "/run/lab/proxies/u/admin.sock"}
    assert after["spec"]["containers"][1]["env"] == [socket]
    assert after["metadata"]["labels"] == {
        "app": "httpbin",
        "version": "v1",
        "security.istio.io/tlsMode": "istio",
        "service.istio.io/canonical-name": "httpbin",
        "service.istio.io/canonical-revision": "v1",
    }
    assert "sidecar.istio.io/status" in after["metadata"]["annotations"]


def test_a_second_injection_adds_nothing() -> None:
    once = inject(pod(), BOOTSTRAP)
    assert inject(once, Path("/elsewhere")) == once


def test_a_label_that_is_there_stays() -> None:
    marked = pod()
    marked["metadata"]["labels"] = {"security.istio.io/tlsMode": "disabled"}
    assert inject(marked, BOOTSTRAP)["metadata"]["labels"]["security.istio.io/tlsMode"] == "disabled"


def test_without_an_app_label_the_owner_gives_the_name() -> None:
    owned = pod()
    owned["metadata"]["labels"] = {"pod-template-hash": "5d8f"}
    owned["metadata"]["ownerReferences"] = [{"name": "httpbin-5d8f", "controller": True}]
    labels = inject(owned, BOOTSTRAP)["metadata"]["labels"]
    assert labels["service.istio.io/canonical-name"] == "httpbin"
