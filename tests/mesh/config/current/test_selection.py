"""Which policies concern a workload or a gateway: by selectors, target references and namespaces."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from lab.kube.client import PODS, ApiError
from lab.mesh.config.current.attachment import Target
from tests.mesh.cluster import ACCESS, TOKENS, Cluster
from tests.mesh.config.current.test_request_security import concluded
from tests.mesh.conftest import SERVER
from tests.mesh.gateway_cluster import GATEWAYS, HTTP
from tests.mesh.issuer import Issuer
from tests.planes.istio_plane import IstioPlane
from tests.planes.option import chosen

GATEWAY = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "gw"}

SIDECAR = Target("foo", {"app": "server", "version": "v1"})
MANAGED = Target("foo", {"app": "gw"}, gateway="gw")


def label(app: str) -> dict[str, Any]:
    return {"matchLabels": {"app": app}}


# (namespace, the rest of the spec) to whether it concerns the sidecar, and the gateway.
SELECTED: dict[str, tuple[str, dict[str, Any], bool, bool]] = {
    "its namespace": ("foo", {}, True, True),
    "another namespace": ("bar", {}, False, False),
    "the whole mesh": ("istio-system", {}, True, True),
    "an empty selector": ("foo", {"selector": {}}, True, True),
    "its label": ("foo", {"selector": label("server")}, True, False),
    "its label, in another namespace": ("bar", {"selector": label("server")}, False, False),
    "its label, in the whole mesh": ("istio-system", {"selector": label("server")}, True, False),
    "the gateway's label": ("foo", {"selector": label("gw")}, False, True),
    "one label too many": ("foo", {"selector": {"matchLabels": {"app": "server", "x": "y"}}}, False, False),
    "the gateway": ("foo", {"targetRef": GATEWAY}, False, True),
    "the gateway among others": ("foo", {"targetRefs": [{**GATEWAY, "name": "x"}, GATEWAY]}, False, True),
    "a gateway of another name": ("foo", {"targetRef": {**GATEWAY, "name": "x"}}, False, False),
    "a gateway elsewhere": ("foo", {"targetRef": {**GATEWAY, "namespace": "bar"}}, False, False),
    "from elsewhere": ("bar", {"targetRef": {**GATEWAY, "namespace": "foo"}}, False, False),
    "from the root namespace": ("istio-system", {"targetRef": GATEWAY}, False, False),
    "another kind": ("foo", {"targetRef": {"group": "", "kind": "Service", "name": "gw"}}, False, False),
    "another group": ("foo", {"targetRef": {**GATEWAY, "group": "x"}}, False, False),
}


Case = tuple[str, dict[str, Any], bool, bool]
Obeyed = dict[str, list[tuple[bool, bool]]]
"""Of each case: by whom a RequestAuthentication is obeyed, and an AuthorizationPolicy."""


@pytest.fixture
def obeying(request: pytest.FixtureRequest) -> Callable[[dict[str, Case]], Obeyed]:
    """Asks whether sidecar and gateway obey policies that are written like this."""
    if chosen(request.config) == "reference":
        return by_the_model
    return partial(by_proxies, request.getfixturevalue("plane"))


def test_who_obeys(obeying: Callable[[dict[str, Case]], Obeyed]) -> None:
    expected = {case: [(sidecar, gateway)] * 2 for case, (_, _, sidecar, gateway) in SELECTED.items()}
    assert obeying(SELECTED) == expected


def by_the_model(cases: dict[str, Case]) -> Obeyed:
    seen: Obeyed = {}
    for case, (namespace, spec, _, _) in cases.items():
        cluster = Cluster()
        cluster.tokens(namespace, {"issuer": "x", "jwks": "{}"}, **spec)
        cluster.access(namespace, "DENY", {}, **spec)
        sidecar, gateway = (concluded(cluster, target) for target in (SIDECAR, MANAGED))
        seen[case] = [
            (bool(sidecar.jwt_rules), bool(gateway.jwt_rules)),
            (bool(sidecar.authorization.deny), bool(gateway.authorization.deny)),
        ]
    return seen


def by_proxies(plane: IstioPlane, cases: dict[str, Case]) -> Obeyed:
    """All at once: each policy is about a path, or a place for tokens, of its own.

    Nobody obeys what is refused.
    """
    for number, (namespace, spec, _, _) in enumerate(cases.values()):
        name = f"p{number}"
        rule = {**Issuer().rule, "fromHeaders": [{"name": f"x-token-{number}"}]}
        plane.cluster.tokens(namespace, rule, name=name, **spec)
        denied = {"to": [{"operation": {"paths": [f"/{number}"]}}]}
        plane.cluster.access(namespace, "DENY", denied, name=name, **spec)
        for key in (TOKENS, ACCESS):
            policy = plane.cluster.store.get(key, namespace, name)
            assert policy
            metadata = {"name": name, "namespace": namespace}
            try:
                plane.lab.api.create(key, {"metadata": metadata, "spec": policy["spec"]}, dry_run=True)
            except ApiError:
                plane.cluster.store.remove(key, namespace, name)
    address = start_gateway(plane)
    try:
        plane.settle()
        hosts = ({"host": SERVER, "port": 8080}, {"host": address, "port": 80})
        numbers = range(len(cases))
        told = [
            [result.get("code") for result in plane.dial("naked", [host | dial for dial in dials])]
            for dials in (
                [{"headers": {f"x-token-{number}": "deadbeef"}} for number in numbers],
                [{"path": f"/{number}"} for number in numbers],
            )
            for host in hosts
        ]
    finally:
        plane.lab.api.delete(GATEWAYS, "foo", "gw")
    refused = [[code == 401 for code in codes] for codes in told[:2]]
    denied_by = [[code == 403 for code in codes] for codes in told[2:]]
    return {
        case: [(refused[0][number], refused[1][number]), (denied_by[0][number], denied_by[1][number])]
        for number, case in enumerate(cases)
    }


def start_gateway(plane: IstioPlane) -> str:
    """The address of its pod, which answers."""
    annotations = {"networking.istio.io/service-type": "ClusterIP"}
    infrastructure = {"labels": {"app": "gw"}, "annotations": annotations}
    spec = {"gatewayClassName": "istio", "listeners": [HTTP], "infrastructure": infrastructure}
    plane.lab.api.create(GATEWAYS, {"metadata": {"name": "gw", "namespace": "foo"}, "spec": spec})
    found: list[dict[str, Any]] = []

    def there() -> bool:
        found[:] = [
            each for each in plane.lab.api.list(PODS, "foo") if each["metadata"]["labels"]["app"] == "gw"
        ]
        return bool(found)

    plane.wait_until(there, "the gateway has a pod")
    plane.lab.kubectl("wait", "-n", "foo", "--for=condition=Ready", "pod", "-l", "app=gw", "--timeout=30s")
    name = found[0]["metadata"]["name"]
    plane.lab.istiod.wait_for(f"{name}.foo")
    pod = plane.lab.api.get(PODS, "foo", name)
    assert pod
    return str(pod["status"]["podIP"])
