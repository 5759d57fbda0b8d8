"""What comes through a gateway in the mesh of Istio 1.0, on real sockets."""

from __future__ import annotations

from typing import Any

import pytest

from tests.mesh.config.istio_1_0.conftest import INGRESS, INGRESS_PORT, open_ingress
from tests.mesh.config.istio_1_0.declare import MTLS, origin, put_mesh_policy, put_policy, put_rule, to
from tests.mesh.conftest import SERVER
from tests.mesh.issuer import Issuer, bearer
from tests.mesh.plane import Plane

REFUSED = "Origin authentication failed."
GATEWAY = "istio-ingressgateway"


@pytest.fixture
def ingress(plane: Plane) -> Plane:
    """With the document's Gateway and VirtualService."""
    open_ingress(plane.cluster)
    plane.settle()
    return plane


def through(plane: Plane, headers: dict[str, str] | None = None) -> dict[str, Any]:
    dial = {"host": INGRESS, "port": INGRESS_PORT, "headers": headers or {}}
    return plane.dial("naked", [dial])[0]


def codes(plane: Plane) -> list[int]:
    """Through the gateway without a token, with a bad one and with a good one."""
    tokens = [{}, bearer("deadbeef"), bearer(Issuer().token())]
    return [through(plane, headers)["code"] for headers in tokens]


def test_without_policies_everybody_gets_in(ingress: Plane) -> None:
    assert codes(ingress) == [200, 200, 200]


def test_a_gateway_passes_on_what_the_server_demands(ingress: Plane) -> None:
    put_policy(ingress.cluster, "foo", to("server", origins=[origin()]), "jwt")
    ingress.settle()
    assert codes(ingress) == [401, 401, 200]
    assert through(ingress)["body"] == REFUSED


def test_a_gateway_is_a_client_that_does_what_rules_say(ingress: Plane) -> None:
    put_policy(ingress.cluster, "foo", to("server", peers=[MTLS]), "mtls")
    ingress.settle()
    assert codes(ingress) == [503, 503, 503]
    put_rule(ingress.cluster, "server.foo.svc.cluster.local", "ISTIO_MUTUAL")
    ingress.settle()
    assert codes(ingress) == [200, 200, 200]


# A policy for the gateway (its namespace, name and spec) to the statuses through it.
AT_THE_GATEWAY: dict[str, tuple[tuple[str, str, dict[str, Any]], list[int]]] = {
    "for its Service": (("istio-system", "jwt", to(GATEWAY, origins=[origin()])), [401, 401, 200]),
    "for its port": (
        ("istio-system", "jwt", to(GATEWAY, {"number": 80}, origins=[origin()])),
        [401, 401, 200],
    ),
    "for its pod's port, which is none of the Service": (
        ("istio-system", "jwt", to(GATEWAY, {"number": INGRESS_PORT}, origins=[origin()])),
        [200, 200, 200],
    ),
    "for its namespace": (("istio-system", "default", {"origins": [origin()]}), [401, 401, 200]),
    "for a Service of another namespace": (("foo", "jwt", to(GATEWAY, origins=[origin()])), [200, 200, 200]),
    "an optional origin": (
        ("istio-system", "jwt", to(GATEWAY, origins=[origin()], originIsOptional=True)),
        [200, 200, 200],
    ),
    "mutual TLS is not for gateways": (("istio-system", "jwt", to(GATEWAY, peers=[MTLS])), [200, 200, 200]),
    "not even if an origin is wanted that nobody can be": (
        ("istio-system", "jwt", to(GATEWAY, peers=[MTLS], principalBinding="USE_ORIGIN")),
        [200, 200, 200],
    ),
    "a token is for gateways, mutual TLS beside it or not": (
        ("istio-system", "jwt", to(GATEWAY, peers=[MTLS], origins=[origin()])),
        [401, 401, 200],
    ),
    "a token in the place of mutual TLS": (
        ("istio-system", "jwt", to(GATEWAY, peers=[MTLS, origin()])),
        [401, 401, 200],
    ),
}


@pytest.mark.parametrize("case", AT_THE_GATEWAY)
def test_policies_for_the_gateway(ingress: Plane, case: str) -> None:
    (namespace, name, spec), expected = AT_THE_GATEWAY[case]
    put_policy(ingress.cluster, namespace, spec, name)
    ingress.settle()
    assert codes(ingress) == expected
    # The server itself demands nothing.
    assert ingress.dial("naked", [{"host": SERVER, "port": 8080}])[0]["code"] == 200


def test_tokens_of_the_mesh_policy_are_for_gateways_too(ingress: Plane) -> None:
    put_mesh_policy(ingress.cluster, MTLS, origins=[origin()])
    put_policy(ingress.cluster, "foo", {})
    ingress.settle()
    assert codes(ingress) == [401, 401, 200]
