"""Each rule of the pre-flight: what forbids a run, and that nothing is touched while it is found out."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.cluster.client import Cluster
from fixtures.mesh_profile.parts import Gateway
from fixtures.mesh_profile.profile import load
from fixtures.safety import ingress_check
from fixtures.safety.footprint import Footprint, lanes
from fixtures.safety.preflight import survey
from tests.e2e.safety.conftest import Foreign
from tests.e2e.safety.estate import CONTEXT, Estate
from tests.e2e.safety.forbidding import Forbidding

MESH_WIDE = "is mesh-wide: it is in the root namespace and selects nothing"

POLICIES = "peerauthentications"

OURS = "app.kubernetes.io/managed-by=mesh-authn-conformance"

NAMESPACE = "{apiVersion: v1, kind: Namespace, metadata: {name: %s}}"

PEER = """
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: theirs, namespace: %s}
spec: {%s}
"""
REQUEST = """
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {name: %s, namespace: istio-system}
spec: {%s}
"""
AUTHORIZATION = """
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: theirs, namespace: istio-system}
spec: {%s}
"""
DESTINATION = """
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: theirs, namespace: default}
spec: {host: "%s"%s}
"""
SERVICE = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: theirs, namespace: default}
spec:
  hosts: ["%s"]
  http: [{route: [{destination: {host: elsewhere.default.svc.cluster.local}}]}]
"""
GATEWAY = """
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: theirs, namespace: default}
spec:
  selector: {istio: %s}
  servers: [{port: {number: %d, name: http, protocol: HTTP}, hosts: ["%s"]}]
"""

FORBIDDING = {
    "a namespace of the playground that is not ours": (
        NAMESPACE % "legacy",
        f"the namespace legacy exists and was not created by the suite: it lacks the label {OURS}",
    ),
    "a namespace of another lane that is not ours": (
        NAMESPACE % "foo-2",
        f"the namespace foo-2 exists and was not created by the suite: it lacks the label {OURS}",
    ),
    "a mesh-wide peer authentication": (
        PEER % ("istio-system", "mtls: {mode: STRICT}"),
        "PeerAuthentication istio-system/theirs " + MESH_WIDE,
    ),
    "a mesh-wide authorization policy": (
        AUTHORIZATION % "action: DENY, rules: [{}]",
        "AuthorizationPolicy istio-system/theirs " + MESH_WIDE,
    ),
    "an authorization policy for httpbin everywhere": (
        AUTHORIZATION % "selector: {matchLabels: {app: httpbin}}",
        "AuthorizationPolicy istio-system/theirs selects pods of the playground from the root namespace",
    ),
    "a request authentication at the ingress gateway": (
        REQUEST % ("theirs", "selector: {matchLabels: {istio: ingressgateway}}, jwtRules: [{issuer: a}]"),
        "RequestAuthentication istio-system/theirs applies to the ingress gateway",
    ),
    "a policy that has the name of one of ours": (
        REQUEST % ("jwt-example", "selector: {matchLabels: {app: shop}}, jwtRules: [{issuer: a}]"),
        "RequestAuthentication istio-system/jwt-example was not created by the suite, "
        "and the run would overwrite it",
    ),
    "a destination rule for every host": (
        DESTINATION % ("*.local", ""),
        "DestinationRule default/theirs applies to the playground: its host is *.local",
    ),
    "a destination rule for a service of the playground": (
        DESTINATION % ("httpbin.bar.svc.cluster.local", ""),
        "DestinationRule default/theirs applies to the playground: its host is httpbin.bar.svc.cluster.local",
    ),
    "a virtual service for a service of the playground": (
        SERVICE % "httpbin.foo.svc.cluster.local",
        "VirtualService default/theirs routes requests of the playground: "
        "its host is httpbin.foo.svc.cluster.local",
    ),
    "a gateway for every host at our port": (
        GATEWAY % ("ingressgateway", 80, "*"),
        "Gateway default/theirs uses port 80 of the ingress gateway for every host",
    ),
}

HARMLESS = {
    "policies of another namespace": PEER % ("default", "mtls: {mode: STRICT}"),
    "a policy for other pods": AUTHORIZATION % "selector: {matchLabels: {app: shop}}",
    "a destination rule for another host": DESTINATION % ("shop.default.svc.cluster.local", ""),
    "a destination rule that nobody else is told of": DESTINATION % ("*.local", ", exportTo: ['.']"),
    "a virtual service for another host": SERVICE % "shop.default.svc.cluster.local",
    "a gateway at another port": GATEWAY % ("ingressgateway", 8443, "*"),
    "a gateway for another host": GATEWAY % ("ingressgateway", 80, "shop.example.com"),
    "another gateway": GATEWAY % ("egressgateway", 80, "*"),
    "another namespace": NAMESPACE % "shop",
}


def refusals(cluster: Cluster, workers: int = 2) -> list[str]:
    return survey(cluster, Footprint(load("reference"), lanes(workers)), "test").refused


@pytest.mark.parametrize("what", FORBIDDING)
def test_what_forbids_a_run(what: str, cluster: Cluster, foreign: Foreign) -> None:
    text, finding = FORBIDDING[what]
    with foreign(text):
        assert refusals(cluster) == [finding]


def test_what_belongs_to_others_and_does_not_reach_the_playground(cluster: Cluster, foreign: Foreign) -> None:
    for what, text in HARMLESS.items():
        with foreign(text):
            assert refusals(cluster) == [], what


@pytest.mark.usefixtures("untouched")
def test_missing_rights_are_named(estate: Estate, tmp_path: Path) -> None:
    """In front of the API server stands one that does not allow everything."""
    forbidden = {
        ("create", "namespaces", ""),
        ("create", "pods", "exec"),
        ("delete", "peerauthentications", ""),
    }
    with Forbidding(estate.kubeconfig, CONTEXT, tmp_path, forbidden) as kubeconfig:
        found = refusals(Cluster(kubeconfig, CONTEXT, "test"), workers=1)
    assert found == [
        "not allowed: create namespaces in the whole cluster",
        "not allowed: create pods/exec in foo, bar, legacy",
        "not allowed: delete peerauthentications.security.istio.io in foo, bar, legacy, istio-system",
    ]


@pytest.mark.usefixtures("untouched")
def test_rights_in_the_namespaces_alone_are_enough_where_nothing_else_is_needed(
    estate: Estate, tmp_path: Path
) -> None:
    forbidden = {("create", "deployments", ""), ("delete", POLICIES, "")}
    with Forbidding(estate.kubeconfig, CONTEXT, tmp_path, forbidden, only_everywhere=True) as kubeconfig:
        assert refusals(Cluster(kubeconfig, CONTEXT, "test")) == []


@pytest.mark.usefixtures("untouched")
def test_a_mesh_that_is_not_there_is_missed(estate: Estate, tmp_path: Path) -> None:
    """The API server in between serves nothing of the Gateway API."""
    hidden = "gateway.networking.k8s.io"
    with Forbidding(estate.kubeconfig, CONTEXT, tmp_path, set(), hides=hidden) as kubeconfig:
        found = refusals(Cluster(kubeconfig, CONTEXT, "test"))
    assert found == [
        f"the cluster does not serve HTTPRoute of {hidden}/v1, Gateway of {hidden}/v1: is the mesh installed?"
    ]


OTHER_PORTS = """
apiVersion: v1
kind: Service
metadata: {name: ingress, namespace: default}
spec: {selector: {app: ingress}, ports: [{name: https, port: 443}, {name: status, port: 15021}]}
"""
OTHER_CLASS = """
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: theirs}
spec: {controllerName: example.com/theirs}
"""
ISTIO = Gateway("istio-system", "istio-ingressgateway")
MADE = Gateway("foo", "httpbin-gateway-istio")
THEIRS = Gateway("foo", "httpbin-gateway-theirs", gateway_class="theirs")


def with_ingress(**ingress: Gateway) -> Footprint:
    profile = replace(load("reference"), ingress={api.replace("_", "-"): at for api, at in ingress.items()})
    return Footprint(profile, lanes(1))


@pytest.mark.parametrize(
    ("ingress", "there", "finding"),
    [
        ({"istio": ISTIO, "gateway_api": MADE}, "", None),
        (
            {"istio": replace(ISTIO, service="istio-ingresgateway")},
            "",
            "there is no Service istio-system/istio-ingresgateway for the ingress of istio",
        ),
        (
            {"istio": Gateway("nowhere", "istio-ingressgateway")},
            "",
            "there is no Service nowhere/istio-ingressgateway for the ingress of istio",
        ),
        (
            {"istio": Gateway("default", "ingress")},
            OTHER_PORTS,
            "there is no port 80 (but 443, 15021) at the Service default/ingress for the ingress of istio",
        ),
        ({"gateway_api": THEIRS}, "", "there is no GatewayClass theirs for the ingress of gateway-api"),
        ({"gateway_api": THEIRS}, OTHER_CLASS, None),
    ],
)
def test_the_ingresses_of_the_profile_are_looked_for(
    ingress: dict[str, Gateway], there: str, finding: str | None, cluster: Cluster, foreign: Foreign
) -> None:
    """The Service that a controller makes with a Gateway cannot be there yet: its class is."""
    with foreign(there):
        refused = survey(cluster, with_ingress(**ingress), "test").refused
    assert refused == ([f"{finding}, which the profile reference names"] if finding else [])


def test_an_ingress_whose_address_is_given_needs_no_service(cluster: Cluster) -> None:
    profile = with_ingress(istio=Gateway("nowhere", "ingress")).profile
    assert ingress_check.problems(cluster, profile, lanes(1), {"INGRESS_HOST": "192.0.2.1"}) == []
    assert len(ingress_check.problems(cluster, profile, lanes(1), {})) == 1


def test_a_class_that_comes_after_its_mesh_is_waited_for(estate: Estate, cluster: Cluster) -> None:
    profile = with_ingress(gateway_api=THEIRS).profile
    later = threading.Timer(1, estate.create, [OTHER_CLASS])
    later.start()
    try:
        ingress_check.wait(cluster, profile, lanes(1))
        assert cluster.get(*ingress_check.CLASS, "", "theirs")
    finally:
        later.join()
        estate.delete(OTHER_CLASS)


@pytest.mark.usefixtures("untouched")
def test_a_mesh_is_not_installed_over_another_one(cluster: Cluster) -> None:
    found = survey(cluster, Footprint(load("reference"), lanes(1)), "test", installs=True).refused
    assert found == ["the namespace istio-system exists: refusing to install over an existing mesh"]
