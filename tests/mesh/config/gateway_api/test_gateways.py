"""The Gateway API: what is made for a gateway, and what is reported about it."""

from __future__ import annotations

from typing import Any

import pytest

from lab.kube.client import DEPLOYMENTS, NAMESPACES, SERVICE_ACCOUNTS, SERVICES, ApiError, GroupResource
from tests.mesh.gateway_cluster import (
    GATEWAYS,
    GROUP,
    HTTP,
    ROUTES,
    GatewayCluster,
    all_namespaces,
    path,
    said,
    to,
)
from tests.planes.differences import Either, on

CLASSES = GroupResource(GROUP, "gatewayclasses")
ACCOUNTS, DEPLOYMENTS = SERVICE_ACCOUNTS, DEPLOYMENTS
SERVICE_TYPE = "networking.istio.io/service-type"
FQDN = "gw-istio.foo.svc.cluster.local"


@pytest.mark.parametrize("name", ["istio", "istio-remote"])
def test_the_classes_are_there_and_accepted(cluster: GatewayCluster, name: str) -> None:
    status = cluster.status(CLASSES, name, "")
    assert said(status["conditions"]) == {"Accepted": ("True", "Accepted")}


def test_a_class_of_somebody_else_is_left_alone(cluster: GatewayCluster) -> None:
    spec = {"controllerName": "example.net/controller"}
    metadata = {"name": "other"}
    cluster.create(
        CLASSES, {"apiVersion": f"{GROUP}/v1", "kind": "GatewayClass", "metadata": metadata, "spec": spec}
    )
    cluster.gateway("gw", spec={"gatewayClassName": "other"})
    assert said(cluster.status(CLASSES, "other", "")["conditions"])["Accepted"][0] == "Unknown"
    assert cluster.conditions()["Programmed"] == ("Unknown", "Pending")
    assert cluster.store.list(DEPLOYMENTS) == []


def test_a_class_keeps_its_controller(cluster: GatewayCluster) -> None:
    found = cluster.store.get(CLASSES, "", "istio")
    assert found
    changed = {**found, "spec": {"controllerName": "example.net/controller"}}
    with pytest.raises(ApiError, match="Value is immutable"):
        cluster.objects.update(CLASSES, changed, manager="test")


# Provisioning


def made(cluster: GatewayCluster, key: GroupResource, name: str = "gw-istio") -> Any:
    cluster.controller.reconcile()
    return cluster.store.get(key, "foo", name)


def test_account_deployment_and_service_belong_to_the_gateway(cluster: GatewayCluster) -> None:
    gateway = cluster.gateway("gw", labels={"team": "foo"})
    for key in (ACCOUNTS, DEPLOYMENTS, SERVICES):
        metadata = made(cluster, key)["metadata"]
        assert metadata["labels"] == {
            "team": "foo",
            "gateway.networking.k8s.io/gateway-name": "gw",
            "gateway.networking.k8s.io/gateway-class-name": "istio",
            "gateway.istio.io/managed": "istio.io-gateway-controller",
        }
        [owner] = metadata["ownerReferences"]
        assert (owner["kind"], owner["name"], owner["uid"]) == ("Gateway", "gw", gateway["metadata"]["uid"])
        assert owner["apiVersion"] == f"{GROUP}/v1"


def test_the_pods_of_a_gateway(cluster: GatewayCluster) -> None:
    cluster.gateway()
    spec = made(cluster, DEPLOYMENTS)["spec"]
    assert spec["selector"]["matchLabels"] == {"gateway.networking.k8s.io/gateway-name": "gw"}
    labels = spec["template"]["metadata"]["labels"]
    assert labels["sidecar.istio.io/inject"] == "false"
    assert labels["service.istio.io/canonical-name"] == "gw-istio"
    assert spec["template"]["spec"]["serviceAccountName"] == "gw-istio"
    [container] = spec["template"]["spec"]["containers"]
    assert "/proxy" in container["image"]


def ports(service: Any) -> list[tuple[str, int, int]]:
    return [(each["name"], each["port"], each["targetPort"]) for each in service["spec"]["ports"]]


def test_the_service_has_the_ports_of_the_listeners(cluster: GatewayCluster) -> None:
    hosts = [HTTP | {"name": name, "hostname": f"{name}.example.com"} for name in ("a", "b")]
    cluster.gateway("gw", *hosts, HTTP | {"name": "more.ports", "port": 8080})
    service = made(cluster, SERVICES)
    assert ports(service) == [("status-port", 15021, 15021), ("a", 80, 80), ("more-ports", 8080, 8080)]
    assert service["spec"]["type"] == "LoadBalancer"
    assert service["spec"]["ipFamilyPolicy"] == "PreferDualStack"
    assert service["spec"]["selector"] == {"gateway.networking.k8s.io/gateway-name": "gw"}


def test_annotations_change_type_and_names(cluster: GatewayCluster) -> None:
    annotations = {
        SERVICE_TYPE: "NodePort",
        "gateway.istio.io/name-override": "edge",
        "gateway.istio.io/service-account": "edge-account",
        "example.net/note": "kept",
    }
    cluster.gateway("gw", annotations=annotations)
    service = made(cluster, SERVICES, "edge")
    assert service["spec"]["type"] == "NodePort"
    assert service["metadata"]["annotations"] == {SERVICE_TYPE: "NodePort", "example.net/note": "kept"}
    assert made(cluster, DEPLOYMENTS, "edge")["spec"]["template"]["spec"]["serviceAccountName"] == (
        "edge-account"
    )
    assert made(cluster, ACCOUNTS, "edge-account")


def test_infrastructure_says_what_is_inherited(cluster: GatewayCluster) -> None:
    infrastructure = {"labels": {"a": "1"}, "annotations": {"b": "2"}}
    cluster.gateway(
        "gw", labels={"own": "x"}, annotations={"own": "y"}, spec={"infrastructure": infrastructure}
    )
    metadata = made(cluster, SERVICES)["metadata"]
    assert metadata["labels"]["a"] == "1"
    assert "own" not in metadata["labels"]
    assert metadata["annotations"] == {"b": "2"}


def change(cluster: GatewayCluster, **spec: Any) -> None:
    found = cluster.store.get(GATEWAYS, "foo", "gw")
    assert found
    cluster.objects.update(GATEWAYS, {**found, "spec": {**found["spec"], **spec}}, manager="test")


def test_changes_are_followed(cluster: GatewayCluster) -> None:
    cluster.gateway()
    before = made(cluster, SERVICES)["spec"]
    change(cluster, listeners=[HTTP | {"port": 81}])
    service = made(cluster, SERVICES)
    assert ports(service) == [("status-port", 15021, 15021), ("http", 81, 81)]
    assert service["spec"]["clusterIP"] == before["clusterIP"]
    found = cluster.store.get(GATEWAYS, "foo", "gw")
    assert found
    annotated = {**found, "metadata": {**found["metadata"], "annotations": {SERVICE_TYPE: "ClusterIP"}}}
    cluster.objects.update(GATEWAYS, annotated, manager="test")
    assert made(cluster, SERVICES)["spec"]["type"] == "ClusterIP"


def test_what_was_taken_away_comes_back_and_what_was_added_stays(cluster: GatewayCluster) -> None:
    cluster.gateway()
    deployment = made(cluster, DEPLOYMENTS)
    cluster.objects.delete(SERVICES, "foo", "gw-istio")
    # On Istio the tests' gateways have no pods, because their class says so.
    added = {"revisionHistoryLimit": 3} | ({"replicas": 2} if cluster.kind == "reference" else {})
    changed = {**deployment, "spec": {**deployment["spec"], **added}}
    cluster.objects.update(DEPLOYMENTS, changed, manager="kubectl")
    assert made(cluster, SERVICES)
    spec = made(cluster, DEPLOYMENTS)["spec"]
    assert {name: spec[name] for name in added} == added


@pytest.mark.reference_only("how the reference's controller looks at things")
def test_a_second_look_writes_nothing(cluster: GatewayCluster) -> None:
    cluster.gateway("gw", all_namespaces())
    cluster.route("some")
    cluster.controller.reconcile()
    cluster.run_pod()
    cluster.controller.reconcile()
    revision = cluster.store.revision
    cluster.controller.reconcile()
    assert cluster.store.revision == revision


def test_what_somebody_else_made_is_not_touched(cluster: GatewayCluster) -> None:
    spec = {"ports": [{"port": 1}], "selector": {"app": "mine"}}
    metadata = {"name": "gw-istio", "namespace": "foo"}
    cluster.create(SERVICES, {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})
    cluster.gateway()
    assert made(cluster, SERVICES)["spec"]["selector"] == {"app": "mine"}


@pytest.mark.reference_only("the namespace is one that other tests need on Istio")
def test_nothing_is_made_in_a_namespace_that_ends(cluster: GatewayCluster) -> None:
    cluster.gateway()
    cluster.objects.delete(NAMESPACES, "", "foo")
    cluster.controller.reconcile()
    assert cluster.store.list(DEPLOYMENTS) == []


@pytest.mark.parametrize(
    ("namespace", "problem"),
    [
        ("foo", "no instances found for hostname"),
        ("bar", 'not found in namespace "foo", but it was found in namespace(s) "bar"'),
    ],
)
def test_a_gateway_with_a_hostname_uses_the_service_of_that_name(
    cluster: GatewayCluster, namespace: str, problem: str
) -> None:
    addresses = [{"type": "Hostname", "value": f"httpbin.{namespace}.svc.cluster.local"}]
    cluster.gateway("gw", HTTP | {"port": 8000}, spec={"addresses": addresses})
    assert made(cluster, DEPLOYMENTS) is None
    [message] = [
        each["message"]
        for each in cluster.status(GATEWAYS, "gw")["conditions"]
        if each["type"] == "Programmed"
    ]
    assert problem in message


def test_addresses_that_are_no_hostnames(cluster: GatewayCluster) -> None:
    addresses = [{"type": "Hostname", "value": "httpbin"}, {"type": "IPAddress", "value": "1.2.3.4"}]
    cluster.gateway("gw", HTTP, spec={"addresses": addresses})
    assert cluster.conditions()["Accepted"] == ("False", "UnsupportedAddress")


# Status


def test_programmed_needs_a_pod(cluster: GatewayCluster) -> None:
    cluster.gateway()
    assert cluster.conditions() == {
        "Accepted": ("True", "Accepted"),
        "Programmed": ("False", "AddressNotAssigned"),
        "ResolvedRefs": ("True", "ResolvedRefs"),
    }


def test_whether_the_pod_has_to_be_ready(cluster: GatewayCluster) -> None:
    cluster.gateway("gw", annotations={SERVICE_TYPE: "ClusterIP"})
    cluster.controller.reconcile()
    cluster.run_pod(ready=False)
    programmed = Either("programmed-before-the-pod-is-ready", reference="False", istio="True")
    assert cluster.conditions()["Programmed"][0] == on(cluster.kind, programmed)


@pytest.mark.reference_only("a lab with Istio has load balancers")
def test_programmed_needs_an_address(cluster: GatewayCluster) -> None:
    cluster.gateway()
    cluster.controller.reconcile()
    cluster.run_pod()
    assert cluster.conditions()["Programmed"] == ("False", "AddressNotAssigned")
    assert "addresses" not in cluster.status(GATEWAYS, "gw")
    cluster.assign("127.0.0.7")
    assert cluster.conditions()["Programmed"] == ("True", "Programmed")
    assert cluster.status(GATEWAYS, "gw")["addresses"] == [{"type": "IPAddress", "value": "127.0.0.7"}]


@pytest.mark.parametrize("kind", ["ClusterIP", "NodePort"])
def test_without_a_load_balancer_the_address_is_a_name(cluster: GatewayCluster, kind: str) -> None:
    cluster.gateway("gw", annotations={SERVICE_TYPE: kind})
    cluster.controller.reconcile()
    cluster.run_pod()
    assert cluster.conditions()["Programmed"] == ("True", "Programmed")
    assert cluster.status(GATEWAYS, "gw")["addresses"] == [{"type": "Hostname", "value": FQDN}]


def test_a_port_that_the_service_has_is_going_to_be_served(cluster: GatewayCluster) -> None:
    cluster.gateway("gw", annotations={SERVICE_TYPE: "ClusterIP"})
    cluster.controller.reconcile()
    cluster.run_pod()
    assert cluster.conditions()["Programmed"][0] == "True"
    change(cluster, listeners=[HTTP, HTTP | {"name": "more", "port": 81}])
    assert cluster.conditions()["Programmed"] == ("True", "Programmed")


def test_conditions_name_the_generation_and_keep_their_time(cluster: GatewayCluster) -> None:
    cluster.gateway()
    first = {each["type"]: each for each in cluster.status(GATEWAYS, "gw")["conditions"]}
    assert {each["observedGeneration"] for each in first.values()} == {1}
    stored = cluster.store.get(GATEWAYS, "foo", "gw")
    assert stored
    early = [
        {**each, "lastTransitionTime": "2020-01-01T00:00:00Z"} for each in stored["status"]["conditions"]
    ]
    cluster.objects.set_status(
        GATEWAYS, "foo", "gw", {**stored["status"], "conditions": early}, manager="test"
    )
    change(cluster, listeners=[HTTP | {"port": 81}])
    later = {each["type"]: each for each in cluster.status(GATEWAYS, "gw")["conditions"]}
    assert {each["observedGeneration"] for each in later.values()} == {2}
    assert later["Accepted"]["lastTransitionTime"] == "2020-01-01T00:00:00Z"


def listener(cluster: GatewayCluster, number: int = 0) -> Any:
    return cluster.status(GATEWAYS, "gw")["listeners"][number]


def test_listeners_count_their_routes(cluster: GatewayCluster) -> None:
    cluster.gateway("gw", HTTP, HTTP | {"name": "more", "port": 81})
    cluster.route("everywhere")
    cluster.route("one", parentRefs=[{"name": "gw", "sectionName": "more"}])
    cluster.route("foreign", namespace="bar")
    cluster.route("broken", to("missing"), parentRefs=[{"name": "gw", "sectionName": "more"}])
    assert [each["attachedRoutes"] for each in cluster.status(GATEWAYS, "gw")["listeners"]] == [1, 3]


def test_a_listener_is_accepted_programmed_resolved_and_in_no_conflict(cluster: GatewayCluster) -> None:
    cluster.gateway()
    found = listener(cluster)
    assert said(found["conditions"]) == {
        "Accepted": ("True", "Accepted"),
        "Programmed": ("True", "Programmed"),
        "Conflicted": ("False", "NoConflicts"),
        "ResolvedRefs": ("True", "ResolvedRefs"),
    }
    kinds = Either("grpc-routes", reference=["HTTPRoute"], istio=["HTTPRoute", "GRPCRoute"])
    assert [each["kind"] for each in found["supportedKinds"]] == on(cluster.kind, kinds)


def test_protocols_that_are_not_served(cluster: GatewayCluster) -> None:
    cluster.gateway("gw", HTTP, {"name": "tcp", "port": 9000, "protocol": "TCP"})
    seen = said(listener(cluster, 1)["conditions"])["Accepted"], cluster.conditions()["Accepted"]
    refused = ("False", "UnsupportedProtocol"), ("True", "ListenersNotValid")
    accepted = ("True", "Accepted"), ("True", "Accepted")
    assert seen == on(cluster.kind, Either("protocols-of-listeners", reference=refused, istio=accepted))


def test_kinds_that_are_not_served(cluster: GatewayCluster) -> None:
    cluster.gateway("gw", {**HTTP, "allowedRoutes": {"kinds": [{"kind": "TCPRoute"}, {"kind": "HTTPRoute"}]}})
    found = listener(cluster)
    assert said(found["conditions"])["ResolvedRefs"] == ("False", "InvalidRouteKinds")
    assert found["supportedKinds"] == [{"group": GROUP, "kind": "HTTPRoute"}]


# What the API refuses


def two(**differently: Any) -> list[Any]:
    return [HTTP, {**HTTP, **differently}]


@pytest.mark.parametrize(
    ("listeners", "message"),
    [
        ([HTTP | {"tls": {}}], "tls must not be specified for protocols"),
        ([HTTP | {"protocol": "HTTPS", "tls": {"mode": "Passthrough"}}], "must be Terminate"),
        ([HTTP | {"protocol": "HTTPS", "tls": {}}], "certificateRefs or options must be specified"),
        ([HTTP | {"protocol": "TCP", "hostname": "a.b"}], "hostname must not be specified for protocols"),
        (two(port=81), "Duplicate value"),
        (two(name="second"), "Combination of port, protocol and hostname must be unique"),
        ([HTTP | {"port": 0}], "greater than or equal to 1"),
        ([HTTP | {"hostname": "-"}], "should match"),
    ],
)  # fmt: skip
def test_gateways_that_are_refused(cluster: GatewayCluster, listeners: Any, message: str) -> None:
    with pytest.raises(ApiError, match=message):
        cluster.gateway("gw", *listeners)


def test_two_listeners_may_differ_in_their_hosts_alone(cluster: GatewayCluster) -> None:
    cluster.gateway("gw", *two(name="second", hostname="a.b"))


PREFIX_REWRITE = {
    "type": "URLRewrite",
    "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}},
}
REDIRECT = {"type": "RequestRedirect", "requestRedirect": {}}


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (to("httpbin", filters=[REDIRECT]), "must not be used together with backendRefs"),
        (to("httpbin", matches=[path("Exact", "/a")], filters=[PREFIX_REWRITE]), "exactly one PathPrefix"),
        (to("httpbin", matches=[path("Exact", "a")]), "start with '/'"),
        (to("httpbin", matches=[path("Exact", "/a//b")]), "must not contain '//'"),
        (to("httpbin", matches=[path("PathPrefix", "/a/..")]), "must not end with '/..'"),
        (to("httpbin", matches=[path("PathPrefix", "/a b")]), "must only contain valid characters"),
        (to("httpbin", matches=[path("Suffix", "/a")]), "Unsupported value"),
        (to("httpbin", filters=[{"type": "URLRewrite"}]), "filter.urlRewrite must be specified"),
        (to("httpbin", filters=[PREFIX_REWRITE, PREFIX_REWRITE]), "URLRewrite filter cannot be repeated"),
        ({"filters": [REDIRECT, PREFIX_REWRITE]}, "but not both"),
        (to({"name": "httpbin"}), "Must have port for Service reference"),
        (to({"name": "httpbin", "port": 80, "weight": -1}), "greater than or equal to 0"),
        (to("httpbin", timeouts={"request": "1s", "backendRequest": "2s"}), "cannot be longer"),
    ],
)
def test_rules_that_are_refused(cluster: GatewayCluster, rule: Any, message: str) -> None:
    with pytest.raises(ApiError, match=message):
        cluster.route("wrong", rule)


def test_parents_have_to_differ(cluster: GatewayCluster) -> None:
    one, section = {"name": "gw"}, {"name": "gw", "sectionName": "http"}
    with pytest.raises(ApiError, match="sectionName must be unique"):
        cluster.route("wrong", parentRefs=[one, one])
    with pytest.raises(ApiError, match="sectionName must be specified"):
        cluster.route("wrong", parentRefs=[one, section])
    cluster.route("right", parentRefs=[section, {**section, "sectionName": "more"}])


def test_defaults(cluster: GatewayCluster) -> None:
    gateway = cluster.gateway()
    assert gateway["spec"]["listeners"][0]["allowedRoutes"] == {"namespaces": {"from": "Same"}}
    assert said(gateway["status"]["conditions"]) == {
        "Accepted": ("Unknown", "Pending"),
        "Programmed": ("Unknown", "Pending"),
    }
    route = cluster.create(
        ROUTES,
        {
            "apiVersion": f"{GROUP}/v1",
            "kind": "HTTPRoute",
            "metadata": {"name": "empty", "namespace": "foo"},
            "spec": {
                "parentRefs": [{"name": "gw"}],
                "rules": [{"backendRefs": [{"name": "httpbin", "port": 8000}]}],
            },
        },
    )
    assert route["spec"]["parentRefs"] == [{"group": GROUP, "kind": "Gateway", "name": "gw"}]
    [rule] = route["spec"]["rules"]
    assert rule["matches"] == [path("PathPrefix", "/")]
    assert rule["backendRefs"] == [
        {"group": "", "kind": "Service", "name": "httpbin", "port": 8000, "weight": 1}
    ]
