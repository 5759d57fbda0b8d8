"""Endpoints and EndpointSlices of Services."""

from __future__ import annotations

from lab.kube.group_resources import DEPLOYMENTS, ENDPOINT_SLICES, ENDPOINTS, PODS, SERVICES
from lab.kube.objects import Object
from tests.kube.controllers.controlled import deployment, service


def addresses(endpoints: Object, kind: str = "addresses") -> list[str]:
    return [address["ip"] for subset in endpoints.get("subsets", ()) for address in subset.get(kind, ())]


async def test_endpoints_follow_the_ready_pods_with_named_ports_resolved(cluster):
    cluster.add(SERVICES, service())
    cluster.add(DEPLOYMENTS, deployment(replicas=2))
    await cluster.quiet()
    ips = sorted(pod["status"]["podIP"] for pod in cluster.store.list(PODS))
    endpoints = cluster.one(ENDPOINTS, "web")
    assert sorted(addresses(endpoints)) == ips
    assert endpoints["subsets"][0]["ports"] == [{"name": "web", "port": 8080, "protocol": "TCP"}]
    [found] = [
        each for each in cluster.store.list(ENDPOINT_SLICES) if each["metadata"]["name"] != "kubernetes"
    ]
    assert found["metadata"]["labels"]["kubernetes.io/service-name"] == "web"
    assert sorted(ip for each in found["endpoints"] for ip in each["addresses"]) == ips
    assert [port["port"] for port in found["ports"]] == [8080]
    cluster.change(DEPLOYMENTS, "web", replicas=0)
    await cluster.quiet()
    assert addresses(cluster.one(ENDPOINTS, "web")) == []
    cluster.delete(SERVICES, "default", "web")
    await cluster.quiet()
    assert cluster.names(ENDPOINTS) == ["kubernetes"]
    assert cluster.names(ENDPOINT_SLICES) == ["kubernetes"]


async def test_a_named_port_may_be_that_of_a_native_sidecar(cluster):
    """But not that of an init container that ends."""
    with_sidecar = deployment()
    spec = with_sidecar["spec"]["template"]["spec"]
    [container] = spec["containers"]
    container["ports"] = []
    once = {"name": "once", "image": "app:1", "ports": [{"name": "http", "containerPort": 8081}]}
    proxy = {"name": "proxy", "image": "app:1", "restartPolicy": "Always"}
    spec["initContainers"] = [once, proxy | {"ports": [{"name": "http", "containerPort": 8082}]}]
    cluster.add(SERVICES, service())
    cluster.add(DEPLOYMENTS, with_sidecar)
    await cluster.quiet()
    assert [port["port"] for port in cluster.one(ENDPOINTS, "web")["subsets"][0]["ports"]] == [8082]


async def test_a_pod_that_is_not_ready_is_no_address_unless_the_service_wants_it(cluster):
    unready = deployment()
    unready["spec"]["template"]["metadata"]["annotations"] = {"test/unready": ""}
    cluster.add(DEPLOYMENTS, unready)
    cluster.add(SERVICES, service())
    cluster.add(SERVICES, service("eager", publishNotReadyAddresses=True, clusterIP="None"))
    await cluster.quiet()
    [pod] = cluster.store.list(PODS)
    ip = pod["status"]["podIP"]
    shy, eager = cluster.one(ENDPOINTS, "web"), cluster.one(ENDPOINTS, "eager")
    assert (addresses(shy), addresses(shy, "notReadyAddresses")) == ([], [ip])
    assert addresses(eager) == [ip]
    assert eager["metadata"]["labels"]["service.kubernetes.io/headless"] == ""


async def test_endpoints_of_a_service_without_selector_are_its_owner_s_affair(cluster):
    plain = service("external")
    del plain["spec"]["selector"]
    cluster.add(SERVICES, plain)
    subsets = [
        {"addresses": [{"ip": "192.0.2.1"}], "ports": [{"name": "web", "port": 80, "protocol": "TCP"}]}
    ]
    own = {"metadata": {"name": "external", "namespace": "default"}, "subsets": subsets}
    cluster.add(ENDPOINTS, {"apiVersion": "v1", "kind": "Endpoints", **own})
    await cluster.quiet()
    assert addresses(cluster.one(ENDPOINTS, "external")) == ["192.0.2.1"]
