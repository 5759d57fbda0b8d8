"""Which pods join the mesh."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab.kube.client import NAMESPACES, PODS
from lab.mesh.workloads.injection import inject, injector
from tests.planes.istio_lab import IstioLab
from tests.planes.option import chosen

reference_only = pytest.mark.reference_only("how the reference injects")

BOOTSTRAP = Path("/run/lab/proxies/u/bootstrap.json")
WEBHOOK = "namespace.sidecar-injector.istio.io"


INJECT, REV = "sidecar.istio.io/inject", "istio.io/rev"
CAPTURE = ["-i", "*", "-x", "", "-b", "*", "-d", "15090,15021,15020"]


def pod(annotation: str = "", namespace: str = "foo", /, labels: str = "", **spec: Any) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": "httpbin-5d8f-x", "namespace": namespace, "uid": "u"}
    if labels:
        metadata["labels"] = parsed(labels)
    if annotation:
        metadata["annotations"] = {INJECT: annotation}
    return {"metadata": metadata, "spec": {"containers": [{"name": "httpbin"}], **spec}}


def named(labels: str) -> dict[str, Any]:
    return {"metadata": {"name": "foo", "labels": parsed(labels)}}


def parsed(labels: str) -> dict[str, str]:
    """As after `kubectl label`."""
    return dict(each.split("=", 1) for each in labels.split())


Joining = Callable[[dict[str, Any], dict[str, Any]], bool]


@pytest.fixture
def joining(request: pytest.FixtureRequest) -> Joining:
    """Whether a pod joins the mesh, in a namespace with these labels."""
    if chosen(request.config) == "reference":
        return lambda pod, namespace: injector(pod, namespace) is not None
    lab: IstioLab = request.getfixturevalue("istio_lab")
    lab.namespace("injected")

    def asks(pod: dict[str, Any], namespace: dict[str, Any]) -> bool:
        name = pod["metadata"]["namespace"].replace("foo", "injected")
        labels = dict.fromkeys(("istio-injection", REV)) | namespace["metadata"]["labels"]
        lab.api.merge(NAMESPACES, "", name, {"metadata": {"labels": labels}})
        metadata = {**pod["metadata"], "namespace": name}
        spec = {**pod["spec"], "containers": [{"name": "httpbin", "image": "curlimages/curl"}]}
        made = lab.api.create(PODS, {"metadata": metadata, "spec": spec}, dry_run=True)
        lab.api.merge(NAMESPACES, "", name, {"metadata": {"labels": dict.fromkeys(labels)}})
        everything = made["spec"]["containers"] + made["spec"].get("initContainers", [])
        return "istio-proxy" in [each["name"] for each in everything]

    return asks


@pytest.mark.parametrize(
    ("namespace", "labels", "annotation", "joins"),
    [
        ("", "", "", False),
        ("", "", "true", False),
        ("", f"{INJECT}=true", "", True),
        ("", f"{INJECT}=true", "false", True),
        ("", f"{INJECT}=True", "", False),
        ("", f"{INJECT}=yes", "", False),
        ("", f"{REV}=default", "", True),
        ("", f"{REV}=default", "false", False),
        ("", f"{REV}=default {INJECT}=false", "true", False),
        ("", f"{REV}=canary", "true", False),
        ("", f"{REV}=canary {INJECT}=true", "", False),
        ("istio-injection=enabled", "", "", True),
        ("istio-injection=enabled", "", "false", False),
        ("istio-injection=enabled", f"{INJECT}=false", "true", False),
        ("istio-injection=enabled", f"{INJECT}=true", "false", True),
        ("istio-injection=enabled", f"{INJECT}=no", "", True),
        ("istio-injection=enabled", f"{INJECT}=", "false", True),
        ("istio-injection=enabled", f"{REV}=canary", "", True),
        ("istio-injection=enabled istio.io/rev=canary", "", "", True),
        ("istio-injection=disabled", f"{INJECT}=true", "", False),
        ("istio-injection=disabled", "", "true", False),
        ("istio-injection=disabled istio.io/rev=default", f"{INJECT}=true", "", False),
        ("istio-injection=yes", f"{INJECT}=true", "", False),
        ("istio-injection= istio.io/rev=default", f"{REV}=default", "", False),
        ("istio.io/rev=default", "", "", True),
        ("istio.io/rev=default", "", "false", False),
        ("istio.io/rev=default", f"{INJECT}=false", "", False),
        ("istio.io/rev=default", f"{REV}=canary", "", True),
        ("istio.io/rev=canary", f"{REV}=default {INJECT}=true", "", False),
        ("istio.io/rev=", f"{REV}=default {INJECT}=true", "", False),
    ],
)
def test_who_joins(joining: Joining, namespace: str, labels: str, annotation: str, joins: bool) -> None:
    assert joining(pod(annotation, labels=labels), named(namespace)) is joins


@pytest.mark.parametrize(
    "outside",
    [pod(hostNetwork=True, labels=f"{INJECT}=true"), pod("", "kube-system", labels=f"{INJECT}=true")],
    ids=["host network", "kube-system"],
)
def test_who_never_joins(joining: Joining, outside: dict[str, Any]) -> None:
    assert joining(outside, named("istio-injection=enabled")) is False


@reference_only
def test_what_is_added() -> None:
    before = pod()
    before["metadata"]["labels"] = {"app": "httpbin", "version": "v1"}
    before["spec"]["initContainers"] = [{"name": "own"}]
    untouched = copy.deepcopy(before)
    after = inject(before, BOOTSTRAP, WEBHOOK)
    assert before == untouched
    capture, proxy, own = after["spec"]["initContainers"]
    assert [each["name"] for each in (capture, proxy, own)] == ["istio-init", "istio-proxy", "own"]
    assert [each["name"] for each in after["spec"]["containers"]] == ["httpbin"]
    assert capture["args"] == CAPTURE
    assert proxy["args"] == ["--config", str(BOOTSTRAP)]
    assert proxy["restartPolicy"] == "Always"
    assert proxy["startupProbe"]["tcpSocket"] == {"port": 15006}, "what comes next is in the mesh"
    assert proxy["env"] == [{"name": "ENVOY_ADMIN_SOCKET", "value": "/run/lab/proxies/u/admin.sock"}]
    assert after["metadata"]["labels"] == {
        "app": "httpbin",
        "version": "v1",
        "security.istio.io/tlsMode": "istio",
        "service.istio.io/canonical-name": "httpbin",
        "service.istio.io/canonical-revision": "v1",
    }
    annotations = after["metadata"]["annotations"]
    assert "sidecar.istio.io/status" in annotations
    assert annotations["istio.io/rev"] == "default"
    for kubectl_asks in ("default-container", "default-logs-container"):
        assert annotations[f"kubectl.kubernetes.io/{kubectl_asks}"] == "httpbin"


@reference_only
def test_the_application_does_not_wait_for_the_proxy() -> None:
    """Istio's does, for a second or so; without init containers nothing is won by that in the lab."""
    assert "startupProbe" not in inject(pod(), BOOTSTRAP, WEBHOOK)["spec"]["initContainers"][1]


@reference_only
def test_a_second_injection_adds_nothing() -> None:
    once = inject(pod(), BOOTSTRAP, WEBHOOK)
    assert inject(once, Path("/elsewhere"), WEBHOOK) == once


@reference_only
def test_a_label_that_is_there_stays() -> None:
    marked = pod()
    marked["metadata"]["labels"] = {"security.istio.io/tlsMode": "disabled"}
    assert inject(marked, BOOTSTRAP, WEBHOOK)["metadata"]["labels"]["security.istio.io/tlsMode"] == "disabled"


@reference_only
def test_without_an_app_label_the_owner_gives_the_name() -> None:
    owned = pod()
    owned["metadata"]["labels"] = {"pod-template-hash": "5d8f"}
    owned["metadata"]["ownerReferences"] = [{"name": "httpbin-5d8f", "controller": True}]
    labels = inject(owned, BOOTSTRAP, WEBHOOK)["metadata"]["labels"]
    assert labels["service.istio.io/canonical-name"] == "httpbin"
