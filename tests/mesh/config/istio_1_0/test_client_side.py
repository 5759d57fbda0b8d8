"""What a client does in the mesh of Istio 1.0: only what a DestinationRule tells it; on real sockets."""

from __future__ import annotations

from typing import Any

import pytest

from tests.mesh.config.istio_1_0.declare import MTLS, PERMISSIVE, put_mesh_policy, put_rule
from tests.mesh.conftest import API_IP
from tests.mesh.envoy.test_client_side import FROM_NAKED, TO_NAKED, TO_SERVER
from tests.mesh.plane import Plane

# (peers of the mesh, mode of a rule for every host) to mesh to mesh, mesh to naked, naked to mesh.
REACHABILITY = {
    ("none", None): ("200", "200", "200"),
    ("none", "DISABLE"): ("200", "200", "200"),
    ("none", "ISTIO_MUTUAL"): ("503", "503", "200"),
    ("PERMISSIVE", None): ("200", "200", "200"),
    ("PERMISSIVE", "ISTIO_MUTUAL"): ("200", "503", "200"),
    ("STRICT", None): ("503", "200", "reset"),
    ("STRICT", "DISABLE"): ("503", "200", "reset"),
    ("STRICT", "ISTIO_MUTUAL"): ("200", "503", "reset"),
}
PEERS = {"none": [], "PERMISSIVE": [PERMISSIVE], "STRICT": [MTLS]}


@pytest.mark.parametrize(("peers", "mode"), REACHABILITY)
def test_who_reaches_whom(plane: Plane, peers: str, mode: str | None) -> None:
    put_mesh_policy(plane.cluster, *PEERS[peers])
    if mode is not None:
        put_rule(plane.cluster, "*.local", mode)
    plane.settle()
    results = [*plane.dial("client", [TO_SERVER, TO_NAKED]), *plane.dial("naked", [FROM_NAKED])]
    seen = tuple(str(result.get("code", result["outcome"])) for result in results)
    assert seen == REACHABILITY[peers, mode]


def test_a_more_specific_rule_without_tls_takes_mutual_tls_away(plane: Plane) -> None:
    put_mesh_policy(plane.cluster, MTLS)
    put_rule(plane.cluster, "*.local", "ISTIO_MUTUAL")
    put_rule(plane.cluster, "server.foo.svc.cluster.local", None, namespace="bar")
    plane.settle()
    assert plane.dial("client", [TO_SERVER])[0]["code"] == 503


def test_the_kubernetes_api_is_not_reached_by_a_client_that_wraps_its_tls_once_more(plane: Plane) -> None:
    to_api = {"host": API_IP, "port": 443, "tls": True}
    rules = [("*.local", "ISTIO_MUTUAL"), ("kubernetes.default.svc.cluster.local", "DISABLE")]
    seen = [plane.dial("client", [to_api])[0]["outcome"]]
    for rule in rules:
        put_rule(plane.cluster, *rule)
        plane.settle()
        seen.append(plane.dial("client", [to_api])[0]["outcome"])
    assert (seen[0], seen[2]) == ("ok", "ok")
    # The proxy closes its side; whether it has read the client's first words by then is a matter of time.
    assert seen[1] in ("reset", "refused-tls")


def test_a_client_demands_the_identity_of_the_servers_account(plane: Plane) -> None:
    put_mesh_policy(plane.cluster, MTLS)
    named: Any = {
        "tls": {"mode": "ISTIO_MUTUAL", "subjectAltNames": ["spiffe://cluster.local/ns/foo/sa/other"]}
    }
    put_rule(plane.cluster, "server.foo.svc.cluster.local", "ISTIO_MUTUAL", **named)
    plane.settle()
    assert plane.dial("client", [TO_SERVER])[0]["code"] == 503
