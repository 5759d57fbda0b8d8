"""Pods for the tests that need real proxies."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pytest

from lab.mesh.config.cel_rules import CEL_RULES
from tests.mesh import foreign
from tests.mesh.admission import Admission
from tests.mesh.cluster import Cluster
from tests.mesh.gateway_cluster import GatewayCluster
from tests.mesh.plane import Plane, running
from tests.planes import istio_plane
from tests.planes.admission import IstioAdmission
from tests.planes.differences import Kind
from tests.planes.gateways import IstioGatewayCluster
from tests.planes.istio_lab import IstioLab
from tests.planes.istio_plane import IstioPlane
from tests.planes.option import chosen

SERVER, CLIENT, NAKED = "10.244.0.11", "10.244.0.21", "10.244.0.31"
SERVER_IP, NAKED_IP, API_IP = "10.96.0.11", "10.96.0.31", "10.96.0.1"

PORTS = [
    {"name": "http", "port": 8000, "targetPort": 8080},
    {"name": "tcp", "port": 9000, "targetPort": 9000},
    {"name": "unheard-of", "port": 9090, "targetPort": 9090},
]


def three_pods() -> Cluster:
    """`server` and `client` have sidecars, `naked` has none; port 9999 of the server is in no Service."""
    cluster = Cluster()
    cluster.pod("server", "foo", SERVER, app="server", account="server", labels={"version": "v1"})
    cluster.pod("client", "foo", CLIENT, app="client", account="client")
    cluster.pod("naked", "foo", NAKED, app="naked", account="naked", sidecar=False)
    cluster.service("server", "foo", SERVER_IP, PORTS, [SERVER])
    cluster.service("naked", "foo", NAKED_IP, PORTS[:1], [NAKED])
    api = [{"name": "https", "port": 443, "targetPort": 6443}]
    cluster.service("kubernetes", "default", API_IP, api, [NAKED], selector={})
    return cluster


RULES_BY: dict[Kind, tuple[str, ...]] = {"reference": ("by predicates", "by CEL"), "istio": ("by Istio",)}
"""What evaluates the rules of schemas."""

APPLICATIONS = {"server": (8080, 9000, 9090, 9999), "naked": (8080, 6443)}


@contextmanager
def three_pods_of_the_reference(folder: Path) -> Iterator[Plane]:
    with running(three_pods(), folder) as plane:
        plane.mesh.reconcile()
        plane.ask("pod", name="server", address=SERVER, captured=True)
        plane.ask("pod", name="client", address=CLIENT, captured=True)
        plane.ask("pod", name="naked", address=NAKED, captured=False)
        for pod, ports in APPLICATIONS.items():
            plane.start_application(pod, *ports)
        plane.start_proxy("server", "uid-server-foo")
        plane.start_proxy("client", "uid-client-foo")
        plane.wait_until_live()
        plane.wait_for("server", SERVER, 8080)
        plane.wait_for("naked", NAKED, 6443)
        yield plane


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "rules_by" in metafunc.fixturenames:
        metafunc.parametrize("rules_by", RULES_BY[chosen(metafunc.config)], scope="session")


@pytest.fixture(scope="session")
def admission(request: pytest.FixtureRequest, rules_by: str) -> Admission:
    """What takes objects or refuses them, in the namespace foo."""
    if rules_by != "by Istio":
        return Admission(CEL_RULES if rules_by == "by predicates" else {})
    lab: IstioLab = request.getfixturevalue("istio_lab")
    lab.namespace("foo")
    return IstioAdmission(lab.api)


@pytest.fixture
def cluster(request: pytest.FixtureRequest) -> Iterator[GatewayCluster]:
    """With the Gateway API, and no gateway yet."""
    if chosen(request.config) == "istio":
        with contextlib.closing(IstioGatewayCluster(request.getfixturevalue("istio_lab"))) as istios:
            yield istios
    else:
        yield GatewayCluster()


def with_the_plane(fixture_name: str, config: pytest.Config) -> Literal["package", "session"]:
    """The lab of Istio is for others after this package; the reference's pods are for a whole worker."""
    return "package" if chosen(config) == "istio" else "session"


@pytest.fixture(scope=with_the_plane)
def started(request: pytest.FixtureRequest) -> Iterator[Plane | IstioPlane]:
    with foreign.folder() as folder:
        if chosen(request.config) == "istio":
            lab = request.getfixturevalue("istio_lab")
            with istio_plane.running(lab, three_pods(), folder, APPLICATIONS) as plane:
                yield plane
        else:
            with three_pods_of_the_reference(folder) as plane:
                yield plane


@pytest.fixture
def plane(started: Plane) -> Iterator[Plane]:
    """Without any policy, before and after."""
    yield started
    started.cluster.clear_policies()
    started.after_a_test()
