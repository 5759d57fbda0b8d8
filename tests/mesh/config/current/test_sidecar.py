"""What each sidecar is to do, concluded from services, pods and policies."""

from __future__ import annotations

from typing import Any

import pytest

from lab.mesh.config import current
from lab.mesh.config.current import policies
from lab.mesh.config.proxies import sidecar_config
from lab.mesh.model.proxy_config import Endpoint, Protocol, SidecarConfig, Upstream
from lab.mesh.workloads import service_registry
from tests.mesh.cluster import Cluster, playground, when

pytestmark = pytest.mark.reference_only("how the reference sees the cluster")


def conclude(cluster: Cluster, name: str = "sleep", namespace: str = "foo") -> SidecarConfig:
    around = service_registry.read(cluster.store, trust_domain="cluster.local", root_namespace="istio-system")
    declared = policies.read(cluster.store, around)
    [workload] = [each for each in around.workloads if (each.name, each.namespace) == (name, namespace)]
    return sidecar_config(current.API, declared, workload)


def upstream(seen: SidecarConfig, host: str = "httpbin.bar", subset: str = "") -> Upstream:
    [found] = [
        each for each in seen.upstreams if each.host == f"{host}.svc.cluster.local" and each.subset == subset
    ]
    return found


def test_by_default_mutual_tls_is_decided_by_endpoint() -> None:
    seen = conclude(playground())
    assert upstream(seen, "httpbin.bar").tls.origination == "AUTO"
    assert upstream(seen, "httpbin.bar").endpoints == (Endpoint("10.244.0.12", 8080, mesh=True),)
    assert upstream(seen, "httpbin.legacy").endpoints == (Endpoint("10.244.0.13", 8080, mesh=False),)
    assert upstream(seen, "kubernetes.default").endpoints == (Endpoint("10.244.0.1", 6443, mesh=False),)


def test_a_server_must_have_the_identity_of_the_services_pods() -> None:
    cluster = playground()
    cluster.pod("httpbin-2", "bar", "10.244.0.42", account="second")
    ports = [{"name": "http", "port": 8000, "targetPort": 8080}]
    cluster.service("httpbin", "bar", "10.96.0.12", ports, ["10.244.0.12", "10.244.0.42"])
    tls = upstream(conclude(cluster)).tls
    assert tls.subject_alt_names == (
        "spiffe://cluster.local/ns/bar/sa/httpbin",
        "spiffe://cluster.local/ns/bar/sa/second",
    )
    assert tls.sni == "outbound_.8000_._.httpbin.bar.svc.cluster.local"


# Policies (namespace, for httpbin alone?, mode, ports), and what clients of httpbin.bar:8000 conclude: how
# to reach the service, and whether its endpoint is marked for mutual TLS.
AUTO = {
    "namespace DISABLE turns it off for the service": ([("bar", False, "DISABLE", {})], "DISABLE", False),
    "mesh DISABLE as well": ([("istio-system", False, "DISABLE", {})], "DISABLE", False),
    "namespace PERMISSIVE under mesh DISABLE turns it on": (
        [("istio-system", False, "DISABLE", {}), ("bar", False, "PERMISSIVE", {})],
        "AUTO",
        True,
    ),
    "the client's own namespace does not matter": ([("foo", False, "DISABLE", {})], "AUTO", True),
    "a workload's STRICT is not looked at in a namespace that is DISABLE": (
        [("bar", False, "DISABLE", {}), ("bar", True, "STRICT", {})],
        "DISABLE",
        True,
    ),
    "a workload's DISABLE is": ([("bar", True, "DISABLE", {})], "AUTO", False),
    "and a port's DISABLE, by the container's port": (
        [("bar", True, "STRICT", {"8080": {"mode": "DISABLE"}})],
        "AUTO",
        False,
    ),
    "but not by the service's port": ([("bar", True, "STRICT", {"8000": {"mode": "DISABLE"}})], "AUTO", True),
}


@pytest.mark.parametrize(("declared", "origination", "marked"), AUTO.values(), ids=AUTO)
def test_auto_mutual_tls(
    declared: list[tuple[str, bool, str, dict[str, object]]], origination: str, marked: bool
) -> None:
    cluster = playground()
    for number, (namespace, selects, mode, ports) in enumerate(declared):
        spec: dict[str, object] = {"mtls": {"mode": mode}}
        if selects:
            spec["selector"] = {"matchLabels": {"app": "httpbin"}}
        if ports:
            spec["portLevelMtls"] = ports
        cluster.peer(namespace, spec, name=f"p{number}")
    found = upstream(conclude(cluster))
    assert (found.tls.origination, found.endpoints[0].mesh) == (origination, marked)


@pytest.mark.parametrize(("mode", "marked"), [("DISABLE", False), ("SIMPLE", False), ("ISTIO_MUTUAL", True)])
def test_what_a_rules_silent_entry_takes_away_still_marks_endpoints_that_could(
    mode: str, marked: bool
) -> None:
    cluster = playground()
    silent = {"port": {"number": 8000}, "loadBalancer": {"simple": "RANDOM"}}
    policy = {"tls": {"mode": mode}, "portLevelSettings": [silent]}
    cluster.rule("foo", {"host": "*", "trafficPolicy": policy})
    seen = conclude(cluster)
    mesh, naked = upstream(seen), upstream(seen, "httpbin.legacy")
    assert (mesh.tls.origination, mesh.endpoints[0].mesh) == ("AUTO", marked)
    assert (naked.tls.origination, naked.endpoints[0].mesh) == ("AUTO", False)


def test_a_pod_without_the_label_gets_plain_text() -> None:
    cluster = playground()
    cluster.pod("httpbin", "bar", "10.244.0.12", labels={"security.istio.io/tlsMode": "disabled"})
    assert upstream(conclude(cluster)).endpoints[0].mesh is False


@pytest.mark.parametrize(
    ("addresses", "origination"),
    [(["10.244.0.12"], "ISTIO_MUTUAL"), (["10.244.0.12", "10.244.0.99"], "DISABLE"), ([], "DISABLE")],
)
def test_a_headless_service_is_taken_as_a_whole(addresses: list[str], origination: str) -> None:
    cluster = playground()
    ports = [{"name": "http", "port": 8000, "targetPort": 8080}]
    cluster.service("httpbin", "bar", "None", ports, addresses)
    assert upstream(conclude(cluster)).tls.origination == origination


def test_subsets_take_their_endpoints_by_label() -> None:
    cluster = playground()
    cluster.pod("httpbin", "bar", "10.244.0.12", labels={"version": "v1"})
    cluster.pod("old", "bar", "10.244.0.43", labels={"version": "old"}, sidecar=False)
    ports = [{"name": "http", "port": 8000, "targetPort": 8080}]
    cluster.service("httpbin", "bar", "10.96.0.12", ports, ["10.244.0.12", "10.244.0.43"])
    subsets = [{"name": name, "labels": {"version": name}} for name in ("v1", "old")]
    cluster.rule("bar", {"host": "httpbin", "subsets": subsets})
    seen = conclude(cluster)
    assert upstream(seen, subset="v1").endpoints == (Endpoint("10.244.0.12", 8080, mesh=True),)
    assert upstream(seen, subset="old").endpoints == (Endpoint("10.244.0.43", 8080, mesh=False),)
    assert upstream(seen, subset="v1").tls.sni == "outbound_.8000_.v1_.httpbin.bar.svc.cluster.local"


def test_short_names_are_those_of_the_clients_own_namespace() -> None:
    seen = conclude(playground())
    in_foo, in_bar = (f"httpbin.{namespace}" for namespace in ("foo", "bar"))
    in_full = "svc.cluster.local."
    assert upstream(seen, in_foo).aliases == ("httpbin", in_foo, f"{in_foo}.svc", f"{in_foo}.{in_full}")
    assert upstream(seen, in_bar).aliases == (in_bar, f"{in_bar}.svc", f"{in_bar}.{in_full}")


def test_inbound_ports_are_the_targets_of_services() -> None:
    cluster = Cluster()
    named = [{"name": "web", "containerPort": 8081}]
    cluster.pod("httpbin", "foo", "10.244.0.11", ports=named)
    cluster.service("httpbin", "foo", "10.96.0.11", [{"name": "http-a", "port": 80, "targetPort": "web"}])
    tcp: Any = [
        {"name": "http", "port": 82, "targetPort": 8082, "appProtocol": "tcp"},
        {"port": 83, "targetPort": 8083},
    ]
    cluster.service("more", "foo", "10.96.0.12", tcp, selector={"app": "httpbin"})
    seen = conclude(cluster, "httpbin").inbound
    assert {port.port: port.protocol for port in seen.ports} == {
        8081: Protocol.HTTP,
        8082: Protocol.TCP,
        8083: Protocol.UNDECLARED,
    }


def test_of_two_services_that_disagree_the_older_decides() -> None:
    cluster = Cluster()
    cluster.pod("httpbin", "foo", "10.244.0.11")
    for name, port, second in (("a", "tcp", 2), ("z", "http", 1)):
        listed = [{"name": port, "port": 80, "targetPort": 8080}]
        cluster.service(
            name, "foo", f"10.96.0.{second}", listed, selector={"app": "httpbin"}, created=when(second)
        )
    assert conclude(cluster, "httpbin").inbound.ports[0].protocol is Protocol.HTTP


def test_a_port_without_a_service_is_listed_only_when_it_differs() -> None:
    cluster = playground()
    spec = {"selector": {"matchLabels": {"app": "httpbin"}}, "mtls": {"mode": "STRICT"}}
    ports = {"9999": {"mode": "DISABLE"}, "9998": {"mode": "STRICT"}, "9997": {"mode": "UNSET"}}
    cluster.peer("foo", spec | {"portLevelMtls": ports})
    seen = conclude(cluster, "httpbin").inbound
    assert [(port.port, port.mode, port.bound) for port in seen.ports] == [
        (8080, "STRICT", True),
        (9999, "DISABLE", False),
    ]


@pytest.mark.parametrize(
    ("name", "app_protocol", "protocol"),
    [
        ("http", "", "http"),
        ("http-web", "", "http"),
        ("HTTP", "", "http"),
        ("http2", "", "http2"),
        ("grpc-api", "", "http2"),
        ("grpc-web", "", "http2"),
        ("tcp", "", "tcp"),
        ("https", "", "tcp"),
        ("tls-x", "", "tcp"),
        ("", "", "undeclared"),
        ("web", "", "undeclared"),
        ("httpx", "", "undeclared"),
        ("tcp", "http", "http"),
        ("http", "kubernetes.io/h2c", "http2"),
        ("http", "example.com/own", "undeclared"),
    ],
)
def test_what_a_service_port_speaks(name: str, app_protocol: str, protocol: str) -> None:
    assert service_registry.declared_protocol(name, app_protocol) == protocol
