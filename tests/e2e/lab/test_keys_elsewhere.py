"""The documents' own key sets are on the internet, to which the lab has no way: it says so in an event."""

from __future__ import annotations

import time
from typing import Any

import pytest
from kubernetes import client, config, dynamic

from fixtures.cluster.client import read_manifests
from fixtures.model.step import MANIFESTS
from fixtures.tokens.issuer import DOCUMENTED_KEY_SET_URLS
from tests.labs import running_lab

SEEN_WITHIN_S = 10


@pytest.mark.parametrize(
    ("mesh", "path", "url"),
    [
        ("current", "current/istio/jwt-example.yaml", DOCUMENTED_KEY_SET_URLS[0]),
        ("istio-1.0", "istio-1.0/jwt-example.yaml", DOCUMENTED_KEY_SET_URLS[1]),
    ],
)
def test_a_policy_whose_keys_cannot_be_fetched_has_an_event_that_says_why(
    mesh: str, path: str, url: str
) -> None:
    (policy,) = read_manifests(MANIFESTS / path)
    with running_lab("--mesh", mesh) as kubeconfig:
        api = config.new_client_from_config(str(kubeconfig))
        namespace = policy["metadata"].setdefault("namespace", "foo")
        if namespace != "istio-system":
            client.CoreV1Api(api).create_namespace({"metadata": {"name": namespace}})
        resources = dynamic.DynamicClient(api).resources
        made = resources.get(api_version=policy["apiVersion"], kind=policy["kind"]).create(policy)
        event = seen(api, namespace, made.metadata.uid)
        assert (event.reason, event.type) == ("KeysNotFetched", "Warning")
        assert event.message.startswith(f"no keys from {url}: ")
        assert "raw.githubusercontent.com is no name of this cluster" in event.message
        assert "the lab has no way out" in event.message
        time.sleep(1)
        assert [each.count for each in events(api, namespace, made.metadata.uid)] == [1]


def seen(api: client.ApiClient, namespace: str, uid: str) -> Any:
    deadline = time.monotonic() + SEEN_WITHIN_S
    while time.monotonic() < deadline:
        if found := events(api, namespace, uid):
            return found[0]
        time.sleep(0.05)
    raise AssertionError("there is no event")


def events(api: client.ApiClient, namespace: str, uid: str) -> list[Any]:
    listed = client.CoreV1Api(api).list_namespaced_event(namespace)
    return [event for event in listed.items if event.involved_object.uid == uid]
