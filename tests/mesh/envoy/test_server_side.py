"""What a workload accepts, on real sockets: the tables of Istio's own simulation and integration tests."""

from __future__ import annotations

import pytest

from lab.kube.client import SERVICES
from tests.mesh.conftest import SERVER
from tests.mesh.plane import Plane

PORT = {"http": 8080, "tcp": 9000, "undeclared": 9090, "unbound": 9999}

# `relayed`: the application had to speak TLS itself; `ok`: it got what the client said.
OUTCOMES = ("ok", "relayed", "nochain", "mtlserr", "badproto")

# (port kind, what the client sends) to the outcome under DISABLE, PERMISSIVE, STRICT.
ORACLE = {
    ("tcp", "plain"): ("ok", "ok", "nochain"),
    ("tcp", "plain http"): ("ok", "ok", "nochain"),
    ("tcp", "tls"): ("relayed", "relayed", "mtlserr"),
    ("tcp", "mtls"): ("relayed", "ok", "ok"),
    ("http", "plain http"): ("ok", "ok", "nochain"),
    ("http", "plain"): ("badproto", "badproto", "nochain"),
    ("http", "tls http"): ("badproto", "nochain", "mtlserr"),
    ("http", "mtls http"): ("badproto", "ok", "ok"),
    ("undeclared", "plain"): ("ok", "ok", "nochain"),
    ("undeclared", "plain http"): ("ok", "ok", "nochain"),
    ("undeclared", "tls"): ("relayed", "relayed", "mtlserr"),
    ("undeclared", "tls http"): ("relayed", "relayed", "mtlserr"),
    ("undeclared", "mtls"): ("relayed", "ok", "ok"),
    ("undeclared", "mtls http"): ("relayed", "ok", "ok"),
    ("unbound", "plain"): ("ok", "ok", "nochain"),
    ("unbound", "plain http"): ("ok", "ok", "nochain"),
    ("unbound", "tls"): ("relayed", "relayed", "mtlserr"),
    ("unbound", "mtls"): ("relayed", "ok", "ok"),
    ("unbound", "mtls http"): ("relayed", "ok", "ok"),
}
MODES = ("DISABLE", "PERMISSIVE", "STRICT")


def request(plane: Plane, port: int, sends: str) -> dict[str, object]:
    dial: dict[str, object] = {"host": SERVER, "port": port, "say": "http" if "http" in sends else "raw"}
    if "tls" in sends:
        dial["tls"] = True
    if "mtls" in sends:
        dial["certificate"] = str(plane.pem("uid-client-foo"))
        dial["alpn"] = ["istio-http/1.1"] if "http" in sends else ["istio-peer-exchange", "istio"]
    return dial


def outcome(result: dict[str, object]) -> str:
    if result["outcome"] == "ok":
        return "relayed" if result["tls"] else "ok"
    return {"reset": "nochain", "refused-tls": "mtlserr", "not-http": "badproto"}[str(result["outcome"])]


@pytest.mark.parametrize("mode", MODES)
def test_a_port_accepts_what_its_kind_and_mode_say(plane: Plane, mode: str) -> None:
    plane.cluster.peer("foo", {"mtls": {"mode": mode}})
    plane.settle()
    results = plane.dial("naked", [request(plane, PORT[kind], sends) for kind, sends in ORACLE])
    seen = {row: outcome(result) for row, result in zip(ORACLE, results, strict=True)}
    assert seen == {row: expected[MODES.index(mode)] for row, expected in ORACLE.items()}


# (workload mode, override) to plain and mutual TLS on port T with the override and on H without.
PASS_THROUGH = {
    ("DISABLE", "STRICT"): ("fail", "ok", "ok", "fail"),
    ("STRICT", "DISABLE"): ("ok", "fail", "fail", "ok"),
    ("PERMISSIVE", "STRICT"): ("fail", "ok", "ok", "ok"),
    ("STRICT", "PERMISSIVE"): ("ok", "ok", "fail", "ok"),
    ("PERMISSIVE", "DISABLE"): ("ok", "fail", "ok", "ok"),
    ("DISABLE", "PERMISSIVE"): ("ok", "ok", "ok", "fail"),
}


@pytest.mark.parametrize(("mode", "override"), PASS_THROUGH)
def test_a_port_without_a_service_can_have_a_mode_of_its_own(plane: Plane, mode: str, override: str) -> None:
    cluster = plane.cluster
    # Only the HTTP port is left in the Service: 9000 and 9999 are then bound by none.
    whole = cluster.store.get(SERVICES, "foo", "server")
    assert whole
    ports = whole["spec"]["ports"]
    cluster.store.put(SERVICES, whole | {"spec": whole["spec"] | {"ports": ports[:1]}})
    cluster.peer(
        "foo",
        {
            "selector": {"matchLabels": {"app": "server"}},
            "mtls": {"mode": mode},
            "portLevelMtls": {"9000": {"mode": override}},
        },
    )
    try:
        plane.settle()
        rows = [(9000, "plain"), (9000, "mtls"), (9999, "plain http"), (9999, "mtls http")]
        results = plane.dial("naked", [request(plane, *row) for row in rows])
    finally:
        cluster.store.put(SERVICES, whole | {"spec": whole["spec"] | {"ports": ports}})
    # An application that gets TLS bytes has not been reached in mutual TLS of the mesh.
    assert (
        tuple("ok" if outcome(result) == "ok" else "fail" for result in results)
        == (PASS_THROUGH[mode, override])
    )


def test_the_key_of_a_port_level_setting_is_the_containers_port(plane: Plane) -> None:
    spec = {"selector": {"matchLabels": {"app": "server"}}, "mtls": {"mode": "STRICT"}}
    plane.cluster.peer("foo", {**spec, "portLevelMtls": {"8000": {"mode": "DISABLE"}}})
    plane.settle()
    [result] = plane.dial("naked", [request(plane, 8080, "plain http")])
    assert outcome(result) == "nochain"


def test_a_forged_client_identity_does_not_reach_the_application(plane: Plane) -> None:
    plain = request(plane, 8080, "plain http")
    plain["headers"] = {"x-forwarded-client-cert": "By=x;Hash=y;URI=spiffe://cluster.local/ns/foo/sa/admin"}
    [result] = plane.dial("naked", [plain])
    assert result["outcome"] == "ok"
    assert "x-forwarded-client-cert" not in result["headers"]
    assert result["answer"]["server"] == "istio-envoy"


def test_a_certificate_of_another_authority_is_refused(plane: Plane) -> None:
    pem = plane.folder / "foreign.pem"
    pem.write_text((plane.folder / "app.key").read_text() + (plane.folder / "app.crt").read_text())
    for mode in ("PERMISSIVE", "STRICT"):
        plane.cluster.peer("foo", {"mtls": {"mode": mode}})
        plane.settle()
        dial = request(plane, 8080, "mtls http") | {"certificate": str(pem)}
        assert outcome(plane.dial("naked", [dial])[0]) == "mtlserr"


@pytest.mark.parametrize(("port", "http"), [(15001, 503), (15006, "reset")])
def test_the_proxys_own_ports_lead_nowhere(plane: Plane, port: int, http: int | str) -> None:
    dials = [{"host": SERVER, "port": port, "say": say} for say in ("http", "raw")]
    seen = [result.get("code", result["outcome"]) for result in plane.dial("naked", dials)]
    assert seen == [http, "reset"]
    assert plane.dial("naked", [request(plane, 8080, "plain http")])[0]["outcome"] == "ok"
