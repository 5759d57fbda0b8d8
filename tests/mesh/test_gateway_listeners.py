"""What follows from Gateways and VirtualServices for one gateway pod, by tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from lab.mesh.current import policies
from lab.mesh.current.gateway_snapshot import gateway_snapshot
from lab.mesh.model import GatewaySnapshot, TlsOrigination
from lab.mesh.networking import gateway, virtual_service
from lab.mesh.networking.virtual_service import gateway_names
from lab.mesh.routing import Forward, Redirect, Respond
from lab.mesh.world import read
from tests.mesh.cluster import PODS, Cluster, playground, when

pytestmark = pytest.mark.reference_only("asks the reference's own model")

POD = "10.244.0.50"
PORTS = [
    {"name": "http2", "port": 80, "targetPort": 8080},
    {"name": "https", "port": 443, "targetPort": 8443},
]
LABELS = {"istio": "ingressgateway", "app": "istio-ingressgateway"}


def with_gateway() -> Cluster:
    """The playground, and the pod and Service of the ingress gateway."""
    cluster = playground()
    pod = cluster.pod("ingress", "istio-system", POD, sidecar=False, account="ingress", labels=LABELS)
    pod["spec"]["containers"] = [{"name": "istio-proxy", "args": ["proxy", "router"]}]
    cluster.store.put(PODS, pod)
    cluster.service("ingress", "istio-system", "10.96.0.50", PORTS, [POD], selector=LABELS)
    return cluster


def put(cluster: Cluster, kind: Any, place: str, spec: Mapping[str, Any], second: int = 0) -> None:
    namespace, _, name = place.partition("/")
    metadata = {"namespace": namespace, "name": name, "creationTimestamp": when(second)}
    cluster.store.put(kind.KEY, {"metadata": metadata, "spec": dict(spec)})


def server(*hosts: str, port: int = 80, protocol: str = "HTTP", **more: Any) -> dict[str, Any]:
    number = {"number": port, "name": f"p{port}-{'-'.join(hosts)}", "protocol": protocol}
    return {"port": number, "hosts": list(hosts), **more}


def open_for(cluster: Cluster, *servers: Mapping[str, Any], place: str = "foo/gw", second: int = 0) -> None:
    put(cluster, gateway, place, {"selector": {"istio": "ingressgateway"}, "servers": servers}, second)


def to(host: str, port: int | None = 8000, **more: Any) -> dict[str, Any]:
    destination: dict[str, Any] = {"host": host}
    if port is not None:
        destination["port"] = {"number": port}
    return {"route": [{"destination": destination}], **more}


def route(cluster: Cluster, hosts: Iterable[str], *http: Any, place: str = "foo/vs", **more: Any) -> None:
    second = more.pop("second", 0)
    spec = {"hosts": list(hosts), "gateways": ["gw"], "http": list(http) or [to("httpbin")], **more}
    put(cluster, virtual_service, place, spec, second)


def snapshot(cluster: Cluster) -> GatewaySnapshot:
    world = read(cluster.store, trust_domain="cluster.local", root_namespace="istio-system")
    [pod] = [workload for workload in world.workloads if workload.gateway]
    return gateway_snapshot(policies.read(cluster.store, world, {}), pod)


def domains(cluster: Cluster) -> dict[int, list[str]]:
    """What each listener serves."""
    return {
        listener.port: [domain for host in listener.virtual_hosts for domain in host.domains]
        for listener in snapshot(cluster).listeners
    }


def test_without_a_gateway_resource_nothing_is_listened_on() -> None:
    cluster = with_gateway()
    route(cluster, ["*"])
    assert snapshot(cluster).listeners == ()


@pytest.mark.parametrize(
    ("selector", "listens"),
    [
        ({"istio": "ingressgateway"}, True),
        ({"istio": "ingressgateway", "app": "istio-ingressgateway"}, True),
        ({}, True),
        ({"istio": "egressgateway"}, False),
        ({"istio": "ingressgateway", "app": "other"}, False),
    ],
)
def test_a_gateway_is_for_the_pods_it_selects_in_any_namespace(selector: Any, listens: bool) -> None:
    cluster = with_gateway()
    put(cluster, gateway, "bar/gw", {"selector": selector, "servers": [server("*")]})
    assert (domains(cluster) == {8080: []}) is listens
    assert bool(domains(cluster)) is listens


@pytest.mark.parametrize(
    ("servers", "ports"),
    [
        ([server("*")], [8080]),
        ([server("*", port=8443)], [8443]),
        ([server("*", port=9999)], [9999]),
        ([server("*", protocol="HTTP2")], [8080]),
        ([server("*", protocol="grpc")], [8080]),
        ([server("*", protocol="TCP")], []),
        ([server("*", port=443, protocol="HTTPS", tls={"mode": "SIMPLE"})], []),
        ([server("*", protocol="TCP"), server("*", port=8080)], []),
        ([server("*"), server("*", port=8080, protocol="TCP")], [8080]),
        ([server("*", port=15021)], []),
        ([server("*"), server("*", port=9000)], [8080, 9000]),
    ],
)
def test_a_server_is_listened_on_at_the_target_port_of_the_service(servers: Any, ports: list[int]) -> None:
    cluster = with_gateway()
    open_for(cluster, *servers)
    assert [listener.port for listener in snapshot(cluster).listeners] == ports


# Hosts of the server, hosts of the VirtualService in namespace foo, hosts that are served.
COMMON_HOSTS = [
    (["*"], ["*"], ["*"]),
    (["*"], ["httpbin.example.com"], ["httpbin.example.com"]),
    (["*.example.com"], ["httpbin.example.com", "example.com", "other.org"], ["httpbin.example.com"]),
    (["a.example.com", "b.example.com"], ["*.example.com"], ["a.example.com", "b.example.com"]),
    (["a.example.com"], ["*"], ["a.example.com"]),
    (["*.example.com"], ["*.a.example.com"], ["*.a.example.com"]),
    (["A.Example.com"], ["a.example.COM"], ["a.example.com"]),
    (["foo/*"], ["a.org"], ["a.org"]),
    (["./*"], ["a.org"], ["a.org"]),
    (["*/a.org"], ["a.org"], ["a.org"]),
    (["bar/*"], ["a.org"], []),
    (["bar/*", "foo/a.org"], ["a.org", "b.org"], ["a.org"]),
    (["*"], ["httpbin"], ["httpbin.foo.svc.cluster.local"]),
    (["a.org"], ["b.org"], []),
]


@pytest.mark.parametrize(("servers", "hosts", "served"), COMMON_HOSTS)
def test_the_hosts_that_server_and_routes_have_in_common_are_served(
    servers: list[str], hosts: list[str], served: list[str]
) -> None:
    cluster = with_gateway()
    open_for(cluster, server(*servers))
    route(cluster, hosts)
    assert domains(cluster) == {8080: served}


@pytest.mark.parametrize(
    ("names", "bound"),
    [
        (["gw"], True),
        (["foo/gw"], True),
        (["./gw"], True),
        (["gw.foo"], True),
        (["gw.foo.svc.cluster.local"], True),
        (["mesh", "gw"], True),
        (["mesh"], False),
        ([], False),
        (["bar/gw"], False),
        (["other"], False),
    ],
)
def test_routes_are_served_where_they_are_bound_by_name(names: list[str], bound: bool) -> None:
    cluster = with_gateway()
    open_for(cluster, server("*"))
    route(cluster, ["a.org"], gateways=names)
    assert domains(cluster) == {8080: ["a.org"] if bound else []}


def test_gateways_are_named_in_full() -> None:
    assert gateway_names(["mesh", "gw", "./gw", "bar/gw", "gw.bar"], "foo") == (
        "mesh",
        "foo/gw",
        "foo/gw",
        "bar/gw",
        "bar/gw",
    )


@pytest.mark.parametrize(
    ("export_to", "visible"),
    [([], True), (["*"], True), (["istio-system"], True), (["."], False), (["bar"], False)],
)
def test_routes_count_only_where_they_are_exported_to(export_to: list[str], visible: bool) -> None:
    cluster = with_gateway()
    open_for(cluster, server("*"))
    route(cluster, ["a.org"], exportTo=export_to)
    assert domains(cluster) == {8080: ["a.org"] if visible else []}


def actions(cluster: Cluster) -> list[Any]:
    [listener] = snapshot(cluster).listeners
    [host] = listener.virtual_hosts
    return [each.action for each in host.routes]


def places(cluster: Cluster) -> list[tuple[str, int]]:
    return [
        (destination.host, destination.port)
        for action in actions(cluster)
        if isinstance(action, Forward)
        for destination in action.destinations
    ]


FOO, BAR = "httpbin.foo.svc.cluster.local", "httpbin.bar.svc.cluster.local"


@pytest.mark.parametrize(
    ("http", "expected"),
    [
        (to("httpbin"), (FOO, 8000)),
        (to("httpbin", None), (FOO, 8000)),
        (to("httpbin.bar.svc.cluster.local"), (BAR, 8000)),
        # Not a name of namespace bar: only a name without any dot is completed.
        (to("httpbin.bar"), ("httpbin.bar", 8000)),
        (to("nobody", None), ("nobody.foo.svc.cluster.local", 80)),
    ],
)
def test_where_a_route_leads(http: Any, expected: tuple[str, int]) -> None:
    cluster = with_gateway()
    open_for(cluster, server("*"))
    route(cluster, ["*"], http)
    assert places(cluster) == [expected]


def test_only_what_routes_name_is_known_to_the_gateway_and_spoken_to_by_mutual_tls() -> None:
    cluster = with_gateway()
    open_for(cluster, server("*"))
    route(cluster, ["*"], to("httpbin"), to("nobody"))
    found = snapshot(cluster)
    assert [(each.host, each.port, each.tls.origination) for each in found.upstreams] == [
        (FOO, 8000, TlsOrigination.AUTO)
    ]
    assert found.upstreams[0].tls.subject_alt_names == ("spiffe://cluster.local/ns/foo/sa/httpbin",)
    assert found.identity.uri == "spiffe://cluster.local/ns/istio-system/sa/ingress"


def test_destination_rules_are_looked_up_from_the_gateways_namespace() -> None:
    cluster = with_gateway()
    open_for(cluster, server("*"))
    route(cluster, ["*"], {"route": [{"destination": {"host": "httpbin", "subset": "v1"}}]})
    spec = {"host": FOO, "trafficPolicy": {"tls": {"mode": "DISABLE"}}, "subsets": [{"name": "v1"}]}
    # A rule of the root namespace is a gateway's own only if nobody else sees it.
    cluster.rule("istio-system", spec | {"exportTo": ["."]})
    cluster.rule("foo", {"host": FOO, "trafficPolicy": {"tls": {"mode": "SIMPLE"}}})
    assert [(each.subset, each.tls.origination) for each in snapshot(cluster).upstreams] == [
        ("v1", TlsOrigination.DISABLE)
    ]


def test_routes_after_one_for_every_request_are_dropped_and_older_rules_go_first() -> None:
    cluster = with_gateway()
    open_for(cluster, server("*"))
    match = {"match": [{"uri": {"prefix": "/a"}}]}
    route(cluster, ["a.org"], to("everything"), to("never"), place="foo/old", second=1)
    route(cluster, ["a.org"], to("special", **match), place="foo/new", second=2)
    # The route for every request of the older rule would hide those of the newer one.
    assert [host for host, _ in places(cluster)] == [
        "special.foo.svc.cluster.local",
        "everything.foo.svc.cluster.local",
    ]


@pytest.mark.parametrize(
    ("match", "served"),
    [
        ({"port": 80}, True),
        ({"port": 8080}, False),
        ({"gateways": ["gw"]}, True),
        ({"gateways": ["other"]}, False),
        ({"sourceLabels": {"istio": "ingressgateway"}}, True),
        ({"sourceLabels": {"app": "sleep"}}, False),
        ({"sourceNamespace": "istio-system"}, True),
        ({"sourceNamespace": "foo"}, False),
    ],
)
def test_matches_that_are_not_for_this_gateway(match: Any, served: bool) -> None:
    cluster = with_gateway()
    open_for(cluster, server("*"))
    route(cluster, ["a.org"], to("httpbin", match=[match | {"uri": {"prefix": "/"}}]))
    assert domains(cluster) == {8080: ["a.org"] if served else []}


def test_redirects_and_direct_responses() -> None:
    cluster = with_gateway()
    open_for(cluster, server("*"))
    http = [
        {"match": [{"uri": {"prefix": "/r"}}], "redirect": {"authority": "b.org", "redirectCode": 302}},
        {
            "match": [{"uri": {"prefix": "/s"}}],
            "redirect": {"scheme": "https", "derivePort": "FROM_PROTOCOL_DEFAULT"},
        },
        {"directResponse": {"status": 418, "body": {"string": "teapot"}}},
    ]
    route(cluster, ["*"], *http)
    assert actions(cluster) == [
        Redirect(302, host="b.org"),
        Redirect(301, scheme="https", port=443),
        Respond(418, "teapot"),
    ]


def test_a_server_that_redirects_to_https_does_so_with_and_without_routes() -> None:
    cluster = with_gateway()
    open_for(cluster, server("a.org", "b.org", tls={"httpsRedirect": True}), server("c.org"))
    route(cluster, ["a.org", "c.org"])
    [listener] = snapshot(cluster).listeners
    assert {host.domains[0]: (host.https_redirect, len(host.routes)) for host in listener.virtual_hosts} == {
        "a.org": (True, 1),
        "b.org": (True, 0),
        "c.org": (False, 1),
    }
