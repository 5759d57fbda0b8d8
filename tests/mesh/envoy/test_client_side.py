"""What a client with a sidecar does, and what servers answer: on real sockets."""

from __future__ import annotations

import copy
import hashlib
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from lab.kube.client import PODS
from tests.mesh.conftest import API_IP, NAKED_IP, SERVER, SERVER_IP
from tests.mesh.plane import Plane
from tests.planes.differences import Either, on

FROM_NAKED = {"host": SERVER, "port": 8080}
TO_SERVER = {"host": SERVER_IP, "port": 8000}
TO_NAKED = {"host": NAKED_IP, "port": 8000}


def outcome(result: dict[str, Any]) -> str:
    """`mtls` when the application was told who calls, `plain` when not, else the refusal."""
    if result["outcome"] == "ok":
        if result["tls"]:
            return "relayed"
        return "mtls" if "x-forwarded-client-cert" in result["headers"] else "plain"
    return str(result.get("code", result["outcome"]))


def grid(plane: Plane) -> tuple[str, str, str]:
    """mesh to mesh, mesh to naked, naked to mesh."""
    from_mesh = plane.dial("client", [TO_SERVER, TO_NAKED])
    from_naked = plane.dial("naked", [FROM_NAKED])
    first, second, third = map(outcome, (*from_mesh, *from_naked))
    return first, second, third


# (mode of the mesh, TLS mode of a rule for every host) to the grid.
REACHABILITY = {
    ("STRICT", "ISTIO_MUTUAL"): ("mtls", "503", "reset"),
    ("PERMISSIVE", "ISTIO_MUTUAL"): ("mtls", "503", "plain"),
    ("DISABLE", "DISABLE"): ("plain", "plain", "plain"),
    ("PERMISSIVE", "DISABLE"): ("plain", "plain", "plain"),
    ("STRICT", None): ("mtls", "plain", "reset"),
    ("DISABLE", None): ("plain", "plain", "plain"),
    ("PERMISSIVE", None): ("mtls", "plain", "plain"),
    (None, None): ("mtls", "plain", "plain"),
    (None, "ISTIO_MUTUAL"): ("mtls", "503", "plain"),
    ("DISABLE", "ISTIO_MUTUAL"): ("503", "503", "plain"),
    ("STRICT", "DISABLE"): ("503", "plain", "reset"),
}


@pytest.mark.parametrize(("mode", "rule"), REACHABILITY)
def test_who_reaches_whom(plane: Plane, mode: str | None, rule: str | None) -> None:
    if mode:
        plane.cluster.peer("istio-system", {"mtls": {"mode": mode}})
    if rule:
        plane.cluster.rule("istio-system", {"host": "*.local", "trafficPolicy": {"tls": {"mode": rule}}})
    plane.settle()
    assert grid(plane) == REACHABILITY[mode, rule]


@pytest.mark.parametrize("mode", ["STRICT", "PERMISSIVE", "DISABLE"])
@pytest.mark.parametrize("rule", ["SIMPLE", "MUTUAL"])
def test_tls_without_a_certificate_of_the_mesh_is_answered_with_503(
    plane: Plane, mode: str, rule: str
) -> None:
    tls = {"mode": rule, "insecureSkipVerify": True}
    if rule == "MUTUAL":
        tls |= {
            "clientCertificate": str(plane.folder / "app.crt"),
            "privateKey": str(plane.folder / "app.key"),
        }
    plane.cluster.peer("foo", {"mtls": {"mode": mode}})
    plane.cluster.rule("foo", {"host": "server", "trafficPolicy": {"tls": tls}})
    plane.settle()
    assert outcome(plane.dial("client", [TO_SERVER])[0]) == "503"


def test_simple_tls_verifies_a_server_outside_the_mesh(plane: Plane) -> None:
    tls = {
        "mode": "SIMPLE",
        "caCertificates": str(plane.folder / "app.crt"),
        "subjectAltNames": ["application"],
    }
    plane.cluster.rule("foo", {"host": "naked", "trafficPolicy": {"tls": tls}})
    plane.settle()
    right = outcome(plane.dial("client", [TO_NAKED])[0])
    tls["subjectAltNames"] = ["somebody-else"]
    plane.cluster.rule("foo", {"host": "naked", "trafficPolicy": {"tls": tls}})
    plane.settle()
    assert (right, outcome(plane.dial("client", [TO_NAKED])[0])) == ("relayed", "503")


def test_a_missing_certificate_file_breaks_only_the_service_it_is_for(plane: Plane) -> None:
    plane.settle()  # Istio's proxy goes on as before
    tls = {"mode": "MUTUAL", "clientCertificate": "/no/such.crt", "privateKey": "/no/such.key"}
    plane.cluster.rule("foo", {"host": "naked", "trafficPolicy": {"tls": tls}})
    plane.mesh.reconcile()
    plane.cluster.peer("foo", {"mtls": {"mode": "STRICT"}})
    plane.mesh.reconcile()
    plane.wait_until(lambda: outcome(plane.dial("naked", [FROM_NAKED])[0]) == "reset", "STRICT holds")
    to_naked = Either("missing-certificate-file", reference="503", istio="plain")
    seen = [outcome(result) for result in plane.dial("client", [TO_SERVER, TO_NAKED])]
    assert seen == on(plane.kind, ["mtls", to_naked])


def test_a_workload_set_apart_from_its_namespace(plane: Plane) -> None:
    """Clients look at a workload's own DISABLE, but not at its STRICT in a namespace that is DISABLE."""
    seen = {}
    for namespace, workload in (("STRICT", "DISABLE"), ("DISABLE", "STRICT"), ("PERMISSIVE", "STRICT")):
        plane.cluster.peer("foo", {"mtls": {"mode": namespace}})
        spec = {"selector": {"matchLabels": {"app": "server"}}, "mtls": {"mode": workload}}
        plane.cluster.peer("foo", spec, name="server")
        plane.settle()
        seen[namespace, workload] = outcome(plane.dial("client", [TO_SERVER])[0])
    assert seen == {
        ("STRICT", "DISABLE"): "plain",
        ("DISABLE", "STRICT"): "503",
        ("PERMISSIVE", "STRICT"): "mtls",
    }


def test_a_port_set_apart_from_its_workload(plane: Plane) -> None:
    spec = {
        "selector": {"matchLabels": {"app": "server"}},
        "mtls": {"mode": "STRICT"},
        "portLevelMtls": {"8080": {"mode": "DISABLE"}},
    }
    plane.cluster.peer("foo", spec)
    plane.settle()
    assert grid(plane) == ("plain", "plain", "plain")


def test_a_pod_that_does_not_announce_mutual_tls_gets_plain_text(plane: Plane) -> None:
    pod = plane.cluster.store.get(PODS, "foo", "server")
    assert pod
    silent = copy.deepcopy(pod)
    silent["metadata"]["labels"]["security.istio.io/tlsMode"] = "disabled"
    plane.cluster.store.put(PODS, silent)
    try:
        plane.settle()
        permissive = outcome(plane.dial("client", [TO_SERVER])[0])
        plane.cluster.peer("foo", {"mtls": {"mode": "STRICT"}})
        plane.settle()
        assert (permissive, outcome(plane.dial("client", [TO_SERVER])[0])) == ("plain", "503")
    finally:
        plane.cluster.store.put(PODS, copy.deepcopy(pod))


@pytest.mark.reference_only("the account of a pod that is there cannot be changed")
def test_the_identity_of_the_server_is_checked(plane: Plane) -> None:
    """Its certificate names the service account `server`; of a pod of `another` that is not good enough."""
    pod = plane.cluster.store.get(PODS, "foo", "server")
    assert pod
    changed = copy.deepcopy(pod)
    changed["spec"]["serviceAccountName"] = "another"
    plane.cluster.store.put(PODS, changed)
    try:
        plane.settle()
        assert outcome(plane.dial("client", [TO_SERVER])[0]) == "503"
        log = plane.folder / "client.log"
        plane.wait_until(lambda: "CERTIFICATE_VERIFY_FAILED" in log.read_text(), "the reason is logged")
    finally:
        plane.cluster.store.put(PODS, copy.deepcopy(pod))


def test_the_names_in_a_rule_replace_those_of_the_endpoints(plane: Plane) -> None:
    seen = []
    for account in ("another", "server"):
        names = [f"spiffe://cluster.local/ns/foo/sa/{account}"]
        tls = {"mode": "ISTIO_MUTUAL", "subjectAltNames": names}
        plane.cluster.rule("foo", {"host": "server", "trafficPolicy": {"tls": tls}})
        plane.settle()
        seen.append(outcome(plane.dial("client", [TO_SERVER])[0]))
    assert seen == ["503", "mtls"]


def test_the_application_learns_who_calls_and_nobody_can_pretend(plane: Plane) -> None:
    forged = TO_SERVER | {"headers": {"x-forwarded-client-cert": "By=x;URI=spiffe://cluster.local/admin"}}
    [result] = plane.dial("client", [forged])
    chain = plane.pem("uid-client-foo").read_bytes()
    leaf = x509.load_pem_x509_certificates(chain)[0].public_bytes(Encoding.DER)
    assert result["headers"]["x-forwarded-client-cert"] == (
        "By=spiffe://cluster.local/ns/foo/sa/server"
        f";Hash={hashlib.sha256(leaf).hexdigest()}"
        ';Subject="";URI=spiffe://cluster.local/ns/foo/sa/client'
    )
    assert result["headers"]["x-envoy-attempt-count"] == "1"
    assert result["answer"]["server"] == "envoy"


def test_other_kinds_of_ports_are_reached_as_well(plane: Plane) -> None:
    plane.cluster.peer("foo", {"mtls": {"mode": "STRICT"}})
    plane.settle()
    tcp, undeclared = SERVER_IP, SERVER_IP
    results = plane.dial(
        "client",
        [
            {"host": tcp, "port": 9000, "say": "raw"},
            {"host": undeclared, "port": 9090, "say": "raw"},
            {"host": undeclared, "port": 9090, "say": "http"},
        ],
    )
    assert [result["outcome"] for result in results] == ["ok"] * 3
    forwarded = Either("http-on-an-undeclared-port", reference=True, istio=False)
    assert ("x-forwarded-client-cert" in results[2]["headers"]) is on(plane.kind, forwarded)


def test_the_kubernetes_api_is_reached_with_the_applications_own_tls(plane: Plane) -> None:
    def reached() -> bool:
        """The TLS session is one with the server itself."""
        return bool(plane.dial("client", [{"host": API_IP, "port": 443, "tls": True}])[0].get("leaf"))

    without = reached()
    plane.cluster.rule(
        "istio-system", {"host": "*.local", "trafficPolicy": {"tls": {"mode": "ISTIO_MUTUAL"}}}
    )
    plane.settle()
    assert (without, reached()) == (True, False)


def test_what_is_no_service_goes_out_as_it_is(plane: Plane) -> None:
    pod_address = {"host": SERVER, "port": 8080}
    assert outcome(plane.dial("client", [pod_address])[0]) == "plain"
    plane.cluster.peer("foo", {"mtls": {"mode": "STRICT"}})
    plane.settle()
    # No HTTP service has port 8080, so the proxy passes bytes on, and with them the server's reset.
    assert outcome(plane.dial("client", [pod_address])[0]) == "reset"


@pytest.mark.reference_only("Istio renews certificates in its own time")
def test_certificates_are_replaced_under_traffic(plane: Plane) -> None:
    plane.cluster.peer("foo", {"mtls": {"mode": "STRICT"}})
    plane.settle()
    seen: list[str] = []

    def traffic() -> None:
        seen.extend(outcome(result) for result in plane.dial("client", [TO_SERVER] * 300))

    client = threading.Thread(target=traffic)
    client.start()
    before = leaf_of(plane)
    now = datetime.now(UTC)
    for half_lives in (1, 2, 3):
        plane.mesh.renew_certificates(now + timedelta(hours=12 * half_lives, minutes=1))
    client.join()
    after = leaf_of(plane)
    assert set(seen) == {"mtls"}
    # What the server presents is what is in its file now.
    presented = {
        result["leaf"]
        for result in plane.dial(
            "naked", [FROM_NAKED | {"tls": True, "certificate": str(plane.pem("uid-client-foo"))}]
        )
    }
    assert presented == {after}
    assert after != before


def leaf_of(plane: Plane) -> str:
    chain = plane.pem("uid-server-foo").read_bytes()
    return hashlib.sha256(x509.load_pem_x509_certificates(chain)[0].public_bytes(Encoding.DER)).hexdigest()
