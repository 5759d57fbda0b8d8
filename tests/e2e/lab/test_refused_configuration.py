"""A lab whose proxies refuse their configuration says so: in events, and in its status."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from kubernetes import client, config, dynamic

from tests.e2e.lab.conftest import Home

WITHIN_S = 20
STRICT = {
    "apiVersion": "security.istio.io/v1",
    "kind": "PeerAuthentication",
    "metadata": {"name": "default", "namespace": "foo"},
    "spec": {"mtls": {"mode": "STRICT"}},
}
POD = {
    "metadata": {"name": "httpbin", "labels": {"sidecar.istio.io/inject": "true"}},
    "spec": {"containers": [{"name": "httpbin", "image": "docker.io/mccutchen/go-httpbin:v2.15.0"}]},
}


def until(condition: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + WITHIN_S
    while not (found := condition()):
        assert time.monotonic() < deadline, f"in vain: {what}"
        time.sleep(0.05)
    return found


def test_a_refused_configuration_is_in_events_and_in_the_status_until_it_is_over(home: Home) -> None:
    assert home.lab("up", "--fault", "proxy-refuses-its-configuration").returncode == 0
    try:
        api = config.new_client_from_config(str(home.path / "default" / "kubeconfig"))
        core = client.CoreV1Api(api)
        core.create_namespace({"metadata": {"name": "foo"}})
        core.create_namespaced_pod("foo", POD)
        until(lambda: _ready(core.read_namespaced_pod("httpbin", "foo")), "the pod is ready")
        assert len(home.lab("status").stdout.splitlines()) == 1

        policies = dynamic.DynamicClient(api).resources.get(
            api_version=STRICT["apiVersion"], kind=STRICT["kind"]
        )
        policies.create(STRICT)

        def said(kind: str, reason: str) -> list[Any]:
            events = core.list_namespaced_event("foo", field_selector=f"reason={reason}").items
            return [event for event in events if event.involved_object.kind == kind]

        (of_policy,) = until(lambda: said("PeerAuthentication", "ProxyConfigRejected"), "an event")
        (of_pod,) = said("Pod", "ProxyConfigRejected")
        assert (of_pod.type, of_pod.involved_object.name) == ("Warning", "httpbin")
        assert of_policy.message == (
            "Envoy refuses listeners after this was changed, and keeps what it had of them: "
            "without-filters: error adding listener '127.0.0.1:15099': no filter chains specified"
        )
        assert "after PeerAuthentication foo/default changed" in of_pod.message
        _, line = home.lab("status").stdout.splitlines()
        assert line == f"default\tproxy of pod foo/httpbin: {of_pod.message}"

        policies.delete(name="default", namespace="foo")
        until(lambda: said("Pod", "ProxyConfigAccepted"), "the end of it")
        assert len(home.lab("status").stdout.splitlines()) == 1
    finally:
        home.lab("down")


def _ready(pod: Any) -> bool:
    return any(each.type == "Ready" and each.status == "True" for each in pod.status.conditions or ())
