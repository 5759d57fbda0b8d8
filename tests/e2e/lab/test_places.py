"""Where the gateways of a lab are found, and what is known of them afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
import yaml
from kubernetes.client import CoreV1Api

from fixtures.cluster.client import Cluster, Manifest
from fixtures.cluster.policies import Policies
from fixtures.cluster.waiting import Waits
from fixtures.mesh_profile import profile as profiles
from fixtures.model.errors import HarnessError
from fixtures.playground.places import Places
from fixtures.tokens.issuer import Issuer
from tests.labs import running_lab
from tests.steps import step

EXPOSED, JWT, OTHER_TOKENS = (step("current", name) for name in ("exposed", "jwt-example", "other-tokens"))
CLEANUP_2 = step("current", "cleanup-2")

API = "gateway-api"
OF_THE_GATEWAY = "gateway.networking.k8s.io/gateway-name=httpbin-gateway"
WITHIN_S = 15


@dataclass
class There:
    """A lab without a playground, in which gateways come late."""

    cluster: Cluster
    policies: Policies
    places: Places

    def pods(self) -> list[Manifest]:
        return self.cluster.pods("foo", OF_THE_GATEWAY)

    def kinds_in_force(self) -> set[str]:
        return {kind for kind in ("HTTPRoute", "RequestAuthentication") if self.policies.found(kind)}


@pytest.fixture(scope="module")
def there() -> Iterator[There]:
    with running_lab("--fault", "gateways-come-late") as kubeconfig:
        context = yaml.safe_load(kubeconfig.read_text())["current-context"]
        cluster = Cluster(kubeconfig, context, "test")
        cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "foo"}})
        profile = profiles.load("reference")
        policies = Policies(cluster, profile, Issuer())
        yield There(cluster, policies, Places(cluster, profile, policies, Waits(cluster)))


@pytest.fixture
def without_gateways(there: There) -> There:
    there.policies.enforce(CLEANUP_2)
    return there


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_place_is_found_with_the_gateway_alone_in_force(without_gateways: There) -> None:
    """The policies of the step come afterwards, and only they have a time."""
    there = without_gateways
    place = there.places.find(API, JWT)
    assert there.pods()
    assert there.policies.step is None
    assert there.kinds_in_force() == {"HTTPRoute"}
    asked = time.monotonic()
    there.policies.enforce(JWT)
    assert there.policies.applied_at >= asked
    assert "RequestAuthentication" in there.kinds_in_force()
    assert there.places.find(API, JWT) is place
    there.places.hold(API)


def test_policies_that_are_in_force_already_are_as_old_as_they_are(without_gateways: There) -> None:
    there = without_gateways
    there.policies.enforce(JWT)
    applied = there.policies.applied_at
    there.policies.enforce(OTHER_TOKENS)
    assert there.policies.applied_at == applied
    there.policies.enforce(EXPOSED)
    assert there.policies.applied_at > applied


def test_what_is_made_anew_is_found_anew(without_gateways: There) -> None:
    """The Service of a Gateway that was deleted may still be there when the next one comes."""
    there = without_gateways
    there.places.find(API, EXPOSED)
    first = there.cluster.get("v1", "Service", "foo", "httpbin-gateway-istio")
    there.policies.enforce(CLEANUP_2)
    there.places.find(API, EXPOSED)
    second = there.cluster.get("v1", "Service", "foo", "httpbin-gateway-istio")
    gateway = there.cluster.get("gateway.networking.k8s.io/v1", "Gateway", "foo", "httpbin-gateway")
    assert gateway["metadata"]["uid"] in [owner["uid"] for owner in second["metadata"]["ownerReferences"]]
    assert first["metadata"]["uid"] != second["metadata"]["uid"]
    there.places.hold(API)


def test_a_gateway_whose_pods_were_replaced_was_not_looked_at(without_gateways: There) -> None:
    there = without_gateways
    there.places.find(API, EXPOSED)
    before = there.pods()
    for pod in before:
        there.cluster.delete({"apiVersion": "v1", "kind": "Pod", **pod})
    names = {pod["metadata"]["name"] for pod in before}
    until(lambda: not names & {pod["metadata"]["name"] for pod in there.pods()})
    with pytest.raises(
        HarnessError, match="the pods of Service foo/httpbin-gateway-istio were replaced while"
    ):
        there.places.hold(API)
    there.places.find(API, EXPOSED)
    there.places.hold(API)


def test_a_gateway_that_is_down_is_still_the_one_that_was_looked_at(without_gateways: There) -> None:
    """Whatever brought it down, what it answered is a finding."""
    there = without_gateways
    there.places.find(API, EXPOSED)
    (pod,) = there.pods()
    down = {**pod, "apiVersion": "v1", "kind": "Pod"}
    down["status"]["conditions"] = [
        {**each, "status": "False"} if each["type"] == "Ready" else each
        for each in down["status"]["conditions"]
    ]
    core = CoreV1Api(there.cluster.api)
    core.replace_namespaced_pod_status(pod["metadata"]["name"], "foo", down)
    there.places.hold(API)


def test_the_gateway_is_waited_for_also_where_its_address_is_given(
    without_gateways: There, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = without_gateways
    monkeypatch.setenv("INGRESS_HOST", "127.0.0.1")
    monkeypatch.setenv("INGRESS_PORT", "8080")
    place = there.places.find(API, EXPOSED)
    assert (place.url("/ip"), place.how) == ("http://127.0.0.1:8080/ip", "INGRESS_HOST")
    assert there.cluster.get("v1", "Service", "foo", "httpbin-gateway-istio")
