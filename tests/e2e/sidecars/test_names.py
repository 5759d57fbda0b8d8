"""Names of headless services, of a StatefulSet's pods, and of services of type ExternalName, under STRICT."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.sidecars.conftest import Kubectl
from tests.e2e.sidecars.pods import CURL, HTTPBIN, manifest, pod, service, strict

CLUSTER = "svc.cluster.local"
SERVED = {
    "web.named:8080": "200/0",
    "web-0.web.named:8080": "200/0",
    f"web-0.web.named.{CLUSTER}:8080": "200/0",
    "web-1.web.named:8080": "200/0",
    "web-2.web.named:8080": "000/6",
    f"httpbin.named.{CLUSTER}:8000": "200/0",
    # Another name is routed as the service, so that mutual TLS is spoken.
    "alias:8000": "200/0",
    "alias.naming:8000": "200/0",
    f"alias.naming.{CLUSTER}:8000": "200/0",
    "alias-of-alias.named:8000": "200/0",
    "alias-of-headless:8080": "200/0",
    # The ports are those of the service.
    "alias-with-port:8000": "200/0",
    "alias-with-port:80": "503/0",
    # Names that Istio does not take for a service of the cluster: what is sent there is plain text.
    "alias-of-pod:8080": "503/0",
    "alias-with-dot:8000": "503/0",
    "web-0.alias-of-headless:8080": "000/6",
    "circle:8000": "000/6",
    "away:8000": "000/6",
}
BY_HEADER = {
    f"httpbin.named.{CLUSTER}.": "200/0",
    f"alias.naming.{CLUSTER}.": "200/0",
    "any.httpbin.named": "503/0",
}


def external(name: str, namespace: str, host: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"type": "ExternalName", "externalName": host, **spec},
    }


@pytest.fixture(scope="module")
def named(kubectl: Kubectl) -> Iterator[Kubectl]:
    kubectl.namespace("named", "istio-injection=enabled")
    kubectl.namespace("naming", "istio-injection=enabled")
    of_pod = pod("web", "named", HTTPBIN)
    of_pod["spec"]["containers"].append(CURL)
    selector = {"app": "web"}
    ports = [{"name": "http", "port": 8080}]
    template = {"metadata": {"labels": selector}, "spec": of_pod["spec"]}
    objects = [
        strict("named"),
        {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "metadata": {"name": "web", "namespace": "named"},
            "spec": {
                "serviceName": "web",
                "replicas": 2,
                "selector": {"matchLabels": selector},
                "template": template,
            },
        },
        pod("client", "naming", CURL),
        service("web", "named", clusterIP="None", selector=selector, ports=ports),
        service("httpbin", "named", selector=selector),
        external("alias", "naming", f"httpbin.named.{CLUSTER}"),
        external(
            "alias-with-port", "naming", f"httpbin.named.{CLUSTER}", ports=[{"name": "http", "port": 80}]
        ),
        external("alias-with-dot", "naming", f"httpbin.named.{CLUSTER}."),
        external("alias-of-alias", "named", f"alias.naming.{CLUSTER}"),
        external("alias-of-headless", "naming", f"web.named.{CLUSTER}"),
        external("alias-of-pod", "naming", f"web-0.web.named.{CLUSTER}"),
        external("circle", "naming", f"circle.naming.{CLUSTER}"),
        external("away", "naming", "away.example"),
    ]
    kubectl("apply", "-f", "-", given=manifest(*objects))
    kubectl("rollout", "status", "-n", "named", "statefulset/web", "--timeout=90s")
    kubectl.ready("naming")
    yield kubectl
    kubectl("delete", "namespace", "named", "naming", "--wait=false")


def test_who_is_reached_by_which_name(named: Kubectl) -> None:
    seen = named.statuses("naming", "client", "curl", *(f"http://{host}/get" for host in SERVED))
    assert dict(zip(SERVED, seen, strict=True)) == SERVED


def test_names_of_the_same_namespace_may_be_short(named: Kubectl) -> None:
    seen = named.statuses(
        "named", "web-0", "curl", *(f"http://{host}:8080/get" for host in ("web-0.web", "web"))
    )
    assert seen == ["200/0", "200/0"]


def test_the_host_header_decides_on_the_route(named: Kubectl) -> None:
    urls = [f"-H Host:{host} http://httpbin.named:8000/get" for host in BY_HEADER]
    assert dict(zip(BY_HEADER, named.statuses("naming", "client", "curl", *urls), strict=True)) == BY_HEADER


def test_a_pod_knows_its_own_name(named: Kubectl) -> None:
    hosts = named("exec", "-n", "named", "web-0", "-c", "curl", "--", "cat", "/etc/hosts").splitlines()
    assert [f"web-0.web.named.{CLUSTER}", "web-0"] in [line.split()[1:] for line in hosts]


def test_the_host_name_of_a_pod_is_that_of_an_endpoint_of_its_own_service_only(named: Kubectl) -> None:
    found = json.loads(named("get", "endpointslices", "-n", "named", "-o", "json"))["items"]
    of = {
        each["metadata"]["labels"]["kubernetes.io/service-name"]: {
            endpoint.get("hostname") for endpoint in each["endpoints"]
        }
        for each in found
    }
    assert of == {"web": {"web-0", "web-1"}, "httpbin": {None}}
