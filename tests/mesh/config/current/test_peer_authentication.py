"""Which mode holds where: each row restates one rule of Istio's documentation or of its own unit tests."""

from __future__ import annotations

from typing import Any

import pytest

from lab.mesh.config.current.peer_authentication import PeerAuthentications, parse
from tests.mesh.cluster import PEER, when
from tests.mesh.envoy.test_server_side import outcome, request
from tests.mesh.plane import Plane

reference_only = pytest.mark.reference_only("asks the reference's own tables")

SERVER_LABELS = {"app": "server", "version": "v1"}


def policy(namespace: str, spec: dict[str, Any], name: str = "default", second: int = 0) -> dict[str, Any]:
    metadata = {"namespace": namespace, "name": name, "creationTimestamp": when(second)}
    return {"metadata": metadata, "spec": spec}


def mode(value: str, **more: Any) -> dict[str, Any]:
    return {"mtls": {"mode": value}, **more}


def on(labels: dict[str, str], **spec: Any) -> dict[str, Any]:
    return {"selector": {"matchLabels": labels}, **spec}


APP = {"app": "server"}

CASES: dict[str, tuple[list[dict[str, Any]], str]] = {
    "without any policy a port is PERMISSIVE": ([], "PERMISSIVE"),
    "the mesh's policy holds everywhere": ([policy("istio-system", mode("STRICT"))], "STRICT"),
    "an empty selector is none": (
        [policy("istio-system", mode("STRICT", selector={"matchLabels": {}}))],
        "STRICT",
    ),
    "the namespace's policy beats the mesh's": (
        [policy("istio-system", mode("STRICT")), policy("foo", mode("DISABLE"))],
        "DISABLE",
    ),
    "another namespace's policy does not matter": ([policy("bar", mode("STRICT"))], "PERMISSIVE"),
    "the workload's policy beats the namespace's": (
        [policy("foo", mode("STRICT")), policy("foo", on(APP, **mode("DISABLE")), "w")],
        "DISABLE",
    ),
    "every label of a selector must match": (
        [policy("foo", on({"app": "server", "version": "v2"}, **mode("STRICT")))],
        "PERMISSIVE",
    ),
    "a selector in the root namespace is ignored": (
        [policy("istio-system", on(APP, **mode("STRICT")))],
        "PERMISSIVE",
    ),
    "the workload's policy of another namespace does not matter": (
        [policy("bar", on(APP, **mode("STRICT")))],
        "PERMISSIVE",
    ),
    "UNSET at the workload inherits from the namespace": (
        [policy("foo", mode("STRICT")), policy("foo", on(APP, **mode("UNSET")), "w")],
        "STRICT",
    ),
    "no mtls block is UNSET": (
        [policy("istio-system", mode("STRICT")), policy("foo", {}), policy("foo", on(APP), "w")],
        "STRICT",
    ),
    "an empty mtls block is UNSET": (
        [policy("istio-system", mode("DISABLE")), policy("foo", {"mtls": {}})],
        "DISABLE",
    ),
    "the older of two mesh policies decides": (
        [
            policy("istio-system", mode("STRICT"), "younger", 2),
            policy("istio-system", mode("DISABLE"), "older", 1),
        ],
        "DISABLE",
    ),
    "the older of two namespace policies decides, whatever its name": (
        [policy("foo", mode("STRICT"), "default", 2), policy("foo", mode("DISABLE"), "zzz", 1)],
        "DISABLE",
    ),
    "the older of two workload policies decides": (
        [
            policy("foo", on(APP, **mode("STRICT")), "a", 2),
            policy("foo", on({"version": "v1"}, **mode("DISABLE")), "b", 1),
        ],
        "DISABLE",
    ),
    "policies of one second are taken by name": (
        [policy("foo", mode("STRICT"), "b", 1), policy("foo", mode("DISABLE"), "a", 1)],
        "DISABLE",
    ),
    "the oldest shadows the others even when it is UNSET": (
        [
            policy("istio-system", mode("STRICT")),
            policy("foo", mode("UNSET"), "older", 1),
            policy("foo", mode("DISABLE"), "younger", 2),
        ],
        "STRICT",
    ),
    "an UNSET workload policy shadows the next one as well": (
        [
            policy("foo", on(APP, **mode("UNSET")), "older", 1),
            policy("foo", on(APP, **mode("STRICT")), "younger", 2),
            policy("foo", mode("DISABLE"), "namespace", 3),
        ],
        "DISABLE",
    ),
    "a port setting of its own": (
        [policy("foo", on(APP, **mode("STRICT"), portLevelMtls={"8080": {"mode": "DISABLE"}}))],
        "DISABLE",
    ),
    "a setting of another port does not matter": (
        [policy("foo", on(APP, **mode("STRICT"), portLevelMtls={"8000": {"mode": "DISABLE"}}))],
        "STRICT",
    ),
    "an UNSET port inherits the workload's result": (
        [
            policy("foo", mode("DISABLE")),
            policy("foo", on(APP, portLevelMtls={"8080": {"mode": "UNSET"}}), "w"),
        ],
        "DISABLE",
    ),
    "a port setting beats an inherited mode": (
        [
            policy("istio-system", mode("STRICT")),
            policy("foo", on(APP, portLevelMtls={"8080": {"mode": "PERMISSIVE"}})),
        ],
        "PERMISSIVE",
    ),
    "ports of two workload policies are not merged": (
        [
            policy("foo", on(APP, **mode("STRICT")), "older", 1),
            policy("foo", on(APP, portLevelMtls={"8080": {"mode": "DISABLE"}}), "younger", 2),
        ],
        "STRICT",
    ),
}


@reference_only
@pytest.mark.parametrize(("policies", "expected"), CASES.values(), ids=CASES)
def test_the_mode_of_port_8080_of_server_in_foo(policies: list[dict[str, Any]], expected: str) -> None:
    index = PeerAuthentications(map(parse, policies), "istio-system")
    assert index.workload_modes("foo", SERVER_LABELS).of(8080) == expected


@reference_only
def test_a_selector_in_the_root_namespace_is_ignored_there_as_well() -> None:
    index = PeerAuthentications([parse(policy("istio-system", on(APP, **mode("STRICT"))))], "istio-system")
    assert index.workload_modes("istio-system", SERVER_LABELS).of(8080) == "PERMISSIVE"


@reference_only
def test_another_root_namespace() -> None:
    index = PeerAuthentications([parse(policy("mesh-root", mode("STRICT")))], "mesh-root")
    assert index.workload_modes("foo", SERVER_LABELS).of(8080) == "STRICT"


@reference_only
def test_the_mode_of_a_namespace_knows_nothing_of_workloads() -> None:
    policies = [policy("foo", mode("DISABLE")), policy("foo", on(APP, **mode("STRICT")), "w")]
    assert PeerAuthentications(map(parse, policies), "istio-system").namespace_mode("foo") == "DISABLE"


# Whether an application is reached, in plain text and in mutual TLS, to the mode of its port.
MODES = {(True, False): "DISABLE", (True, True): "PERMISSIVE", (False, True): "STRICT"}


@pytest.mark.parametrize(("policies", "expected"), CASES.values(), ids=CASES)
def test_the_mode_in_which_port_8080_of_server_is_served(
    plane: Plane, policies: list[dict[str, Any]], expected: str
) -> None:
    for each in policies:
        plane.cluster.store.put(PEER, each)
    plane.settle()
    results = plane.dial("naked", [request(plane, 8080, sends) for sends in ("plain http", "mtls http")])
    plain, mutual = (outcome(result) == "ok" for result in results)
    assert MODES[plain, mutual] == expected
