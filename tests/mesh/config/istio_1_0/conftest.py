"""The pods of the tests with real proxies, and a gateway, in the mesh of Istio 1.0."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from lab.kube.client import PODS
from lab.mesh.config import istio_1_0
from lab.mesh.config.istio_1_0.policies import Policies
from lab.mesh.config.key_source import KeySource
from lab.mesh.config.networking import gateway, virtual_service
from lab.mesh.workloads.gateway_pods import ARGUMENTS
from tests.mesh import foreign
from tests.mesh.cluster import Cluster, when
from tests.mesh.config.istio_1_0.declare import KEYS_AT
from tests.mesh.conftest import CLIENT, NAKED, SERVER, three_pods
from tests.mesh.issuer import ISSUER, key
from tests.mesh.plane import Plane, running
from tests.planes.option import chosen
from tools.tokens import jwks


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    """There is no Istio 1.0 to run on."""
    return True if chosen(config) == "istio" else None


INGRESS = "10.244.0.50"
INGRESS_PORT = 8080
OTHER = "other@issuer"
NO_KEYS = "no@keys"

# The other one has keys of several kinds: of these, only the first two may sign.
OTHERS_KEYS = [key(1, "RS256"), key(1, "ES256"), key(1, "RS384"), key(1, "ES384")]


def fetched() -> dict[KeySource, str]:
    """As if everybody's keys had been fetched, but for those of one."""
    sets = {ISSUER: jwks([key()]), OTHER: jwks(OTHERS_KEYS)}
    return {KeySource(f"{KEYS_AT}/{name}"): json.dumps(keys) for name, keys in sets.items()}


def with_keys(part: Any) -> Any:
    return replace(part, key_sets=fetched()) if isinstance(part, Policies) else part


def with_ingress() -> Cluster:
    """Three pods, and a gateway that leads to the server."""
    cluster = three_pods()
    labels = {"istio": "ingressgateway"}
    pod = cluster.pod("ingress", "istio-system", INGRESS, sidecar=False, account="ingress", labels=labels)
    pod["spec"]["containers"] = [{"name": "istio-proxy", "args": list(ARGUMENTS)}]
    cluster.store.put(PODS, pod)
    port = {"name": "http2", "port": 80, "targetPort": INGRESS_PORT}
    cluster.service("istio-ingressgateway", "istio-system", "10.96.0.50", [port], [INGRESS], selector=labels)
    return cluster


def open_ingress(cluster: Cluster) -> None:
    """The Gateway and the VirtualService of the document, for the server."""
    port = {"number": 80, "name": "http", "protocol": "HTTP"}
    spec = {"selector": {"istio": "ingressgateway"}, "servers": [{"port": port, "hosts": ["*"]}]}
    host = {"host": "server.foo.svc.cluster.local", "port": {"number": 8000}}
    routes = {"hosts": ["*"], "gateways": ["gw"], "http": [{"route": [{"destination": host}]}]}
    for kind, declared in ((gateway, spec), (virtual_service, routes)):
        metadata = {"name": "gw", "namespace": "foo", "creationTimestamp": when(0)}
        cluster.store.put(kind.KEY, {"metadata": metadata, "spec": declared})


@pytest.fixture(scope="package")
def started() -> Iterator[Plane]:
    with foreign.folder() as folder, running(with_ingress(), folder, istio_1_0.API) as plane:
        plane.mesh.reconcile()
        plane.ask("pod", name="server", address=SERVER, captured=True)
        plane.ask("pod", name="client", address=CLIENT, captured=True)
        plane.ask("pod", name="naked", address=NAKED, captured=False)
        plane.ask("pod", name="ingress", address=INGRESS, captured=False)
        plane.start_application("server", 8080, 9000, 9090, 9999)
        plane.start_application("naked", 8080, 6443)
        plane.start_proxy("server", "uid-server-foo")
        plane.start_proxy("client", "uid-client-foo")
        plane.start_proxy("ingress", "uid-ingress-istio-system")
        plane.wait_until_live()
        plane.wait_for("server", SERVER, 8080)
        plane.wait_for("naked", NAKED, 6443)
        yield plane


@pytest.fixture
def plane(started: Plane) -> Iterator[Plane]:
    """Without any policy, before and after; and with everybody's keys."""
    started.alter_model = with_keys
    yield started
    started.cluster.clear_policies()
    started.settle()
