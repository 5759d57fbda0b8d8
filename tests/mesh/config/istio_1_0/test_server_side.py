"""What a workload accepts in the mesh of Istio 1.0, on real sockets."""

from __future__ import annotations

from typing import Any

import pytest

from lab.mesh.model.proxy_config import Identity
from tests.mesh.config.istio_1_0.declare import MTLS, PERMISSIVE, put_mesh_policy
from tests.mesh.conftest import SERVER
from tests.mesh.plane import Plane

PORT = {"http": 8080, "tcp": 9000, "undeclared": 9090, "unbound": 9999}
PEERS = {
    "none": [],
    "PERMISSIVE": [PERMISSIVE],
    "STRICT": [MTLS],
    "TLS": [{"mtls": {"allowTls": True}}],
}

# (port kind, what the client sends) to what becomes of it by peers: none, PERMISSIVE, STRICT, TLS. `relayed`:
# the application had to speak TLS itself. PERMISSIVE does not ask what protocol is inside of TLS, so that all
# TLS has to be mutual; a port that declares nothing is TCP; no policy is for a port that is in no Service.
ORACLE = {
    ("http", "plain http"): ("ok", "ok", "reset", "reset"),
    ("http", "plain"): ("not-http", "not-http", "reset", "reset"),
    ("http", "tls http"): ("not-http", "refused-tls", "refused-tls", "ok"),
    ("http", "mtls http"): ("not-http", "ok", "ok", "ok"),
    ("http", "mtls without alpn http"): ("not-http", "ok", "ok", "ok"),
    ("tcp", "plain"): ("ok", "ok", "reset", "reset"),
    ("tcp", "tls"): ("relayed", "refused-tls", "refused-tls", "ok"),
    ("tcp", "mtls"): ("relayed", "ok", "ok", "ok"),
    ("undeclared", "plain http"): ("ok", "ok", "reset", "reset"),
    ("undeclared", "tls"): ("relayed", "refused-tls", "refused-tls", "ok"),
    ("undeclared", "mtls http"): ("relayed", "ok", "ok", "ok"),
    ("unbound", "plain http"): ("ok", "ok", "ok", "ok"),
    ("unbound", "plain"): ("ok", "ok", "ok", "ok"),
    ("unbound", "tls"): ("relayed", "relayed", "relayed", "relayed"),
}


def request(plane: Plane, port: int, sends: str) -> dict[str, Any]:
    dial: dict[str, Any] = {"host": SERVER, "port": port, "say": "http" if "http" in sends else "raw"}
    if "tls" in sends:
        dial["tls"] = True
    if "mtls" in sends:
        dial["certificate"] = str(plane.pem("uid-client-foo"))
        dial["alpn"] = [] if "without alpn" in sends else ["istio"]
    return dial


def outcome(result: dict[str, Any]) -> str:
    if result["outcome"] == "ok" and result["tls"]:
        return "relayed"
    return str(result["outcome"])


@pytest.mark.parametrize("peers", PEERS)
def test_a_port_accepts_what_its_kind_and_policy_say(plane: Plane, peers: str) -> None:
    put_mesh_policy(plane.cluster, *PEERS[peers])
    plane.settle()
    results = plane.dial("naked", [request(plane, PORT[kind], sends) for kind, sends in ORACLE])
    seen = {row: outcome(result) for row, result in zip(ORACLE, results, strict=True)}
    assert seen == {row: expected[list(PEERS).index(peers)] for row, expected in ORACLE.items()}


def test_an_undeclared_port_is_not_looked_into(plane: Plane) -> None:
    """HTTP on it reaches the application untouched, without any header of a proxy."""
    [result] = plane.dial("naked", [request(plane, PORT["undeclared"], "plain http")])
    assert result["headers"].keys() == {"host", "connection"}


def test_any_identity_of_the_meshs_authority_will_do(plane: Plane) -> None:
    """A server does not look at the trust domain: the root is all that it asks for."""
    put_mesh_policy(plane.cluster, MTLS)
    plane.settle()
    stranger = plane.mesh.authority.issue(Identity("elsewhere", "foo", "stranger"))
    pem = plane.folder / "stranger.pem"
    pem.write_text(stranger.private_key + stranger.chain)
    foreigner = plane.folder / "foreign.pem"
    foreigner.write_text((plane.folder / "app.key").read_text() + (plane.folder / "app.crt").read_text())
    dial = request(plane, PORT["http"], "mtls http")
    results = plane.dial("naked", [dial | {"certificate": str(each)} for each in (pem, foreigner)])
    assert [result["outcome"] for result in results] == ["ok", "refused-tls"]


FORGED = {"x-forwarded-client-cert": "By=x;Hash=y;URI=spiffe://cluster.local/ns/foo/sa/admin"}


@pytest.mark.parametrize("sends", ["plain http", "mtls http"])
def test_the_application_is_told_no_identity_whatever_the_client_says(plane: Plane, sends: str) -> None:
    put_mesh_policy(plane.cluster, PERMISSIVE)
    plane.settle()
    [result] = plane.dial("naked", [request(plane, PORT["http"], sends) | {"headers": FORGED}])
    assert result["outcome"] == "ok"
    assert "x-forwarded-client-cert" not in result["headers"]
