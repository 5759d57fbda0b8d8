"""What every namespace has from the start, and what goes with one."""

from __future__ import annotations

from lab.kube.group_resources import (
    CONFIG_MAPS,
    CUSTOM_RESOURCE_DEFINITIONS,
    DEPLOYMENTS,
    ENDPOINT_SLICES,
    ENDPOINTS,
    NAMESPACES,
    PODS,
    SERVICE_ACCOUNTS,
    SERVICES,
)
from lab.kube.objects import GroupResource, clone
from tests.kube.controllers.controlled import config_map, deployment, namespace


async def test_every_namespace_is_born_with_its_account_and_the_api_s_certificate(cluster):
    cluster.add(NAMESPACES, namespace("foo"))
    await cluster.quiet()
    assert cluster.names(SERVICE_ACCOUNTS, "foo") == ["default"]
    assert cluster.one(CONFIG_MAPS, "kube-root-ca.crt", "foo")["data"] == {"ca.crt": "PEM"}
    cluster.delete(SERVICE_ACCOUNTS, "foo", "default")
    await cluster.quiet()
    assert cluster.names(SERVICE_ACCOUNTS, "foo") == ["default"]


async def test_the_api_is_a_service_in_default(cluster):
    assert cluster.one(SERVICES, "kubernetes")["spec"]["clusterIP"] == "10.96.0.1"
    [subset] = cluster.one(ENDPOINTS, "kubernetes")["subsets"]
    assert subset["addresses"] == [{"ip": "10.244.0.1"}]
    assert [port["port"] for port in subset["ports"]] == [6443]
    assert cluster.names(ENDPOINT_SLICES) == ["kubernetes"]


async def test_a_deleted_namespace_takes_everything_in_it_along(cluster):
    cluster.add(NAMESPACES, namespace("foo"))
    cluster.add(CONFIG_MAPS, config_map("settings", "foo"))
    web = deployment(replicas=2)
    web["metadata"]["namespace"] = "foo"
    cluster.add(DEPLOYMENTS, web)
    await cluster.quiet()
    assert len(cluster.names(PODS, "foo")) == 2
    cluster.delete(NAMESPACES, "", "foo")
    await cluster.quiet()
    assert cluster.store.get(NAMESPACES, "", "foo") is None
    left = {key: cluster.names(key, "foo") for key in sorted(cluster.store.keys())}
    assert not any(left.values()), left


async def test_a_finalizer_inside_holds_a_namespace_and_is_named(cluster):
    cluster.add(NAMESPACES, namespace("foo"))
    cluster.add(CONFIG_MAPS, config_map("held", "foo", finalizers=["example.com/hold"]))
    await cluster.quiet()
    cluster.delete(NAMESPACES, "", "foo")
    await cluster.quiet()
    held = cluster.one(NAMESPACES, "foo", "")
    assert held["status"]["phase"] == "Terminating"
    messages = [each["message"] for each in held["status"]["conditions"]]
    assert messages == [
        "Some resources are remaining: configmaps. has 1 resource instances",
        "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances",
    ]
    released = clone(cluster.one(CONFIG_MAPS, "held", "foo"))
    released["metadata"]["finalizers"] = []
    cluster.update(CONFIG_MAPS, released, manager="test")
    await cluster.quiet()
    assert cluster.store.get(NAMESPACES, "", "foo") is None


async def test_custom_resources_go_with_their_namespace(cluster):
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": "widgets", "kind": "Widget"}
    spec = {"group": "example.com", "scope": "Namespaced", "names": names, "versions": [version]}
    crd = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": spec,
    }
    cluster.add(CUSTOM_RESOURCE_DEFINITIONS, crd)
    cluster.add(NAMESPACES, namespace("foo"))
    widgets = GroupResource("example.com", "widgets")
    metadata = {"name": "w", "namespace": "foo"}
    cluster.add(widgets, {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": metadata})
    cluster.delete(NAMESPACES, "", "foo")
    await cluster.quiet()
    assert cluster.names(widgets, "foo") == []
    assert cluster.store.get(NAMESPACES, "", "foo") is None
