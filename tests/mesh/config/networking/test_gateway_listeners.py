"""What follows from Gateways and VirtualServices for one gateway pod, by tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pytest

from lab.kube.client import PODS, SERVICES
from lab.mesh.config import current
from lab.mesh.config.current import policies
from lab.mesh.config.networking import gateway, virtual_service
from lab.mesh.config.networking.virtual_service import gateway_names
from lab.mesh.config.proxies import gateway_config
from lab.mesh.model.proxy_config import GatewayConfig, TlsOrigination
from lab.mesh.model.routing import Forward, Redirect, Respond
from lab.mesh.workloads.service_registry import read
from tests.mesh.cluster import Cluster, playground, when
from tests.planes.differences import Either, Kind, on
from tests.planes.istio_plane import IstioPlane
from tests.planes.option import chosen

model = pytest.mark.reference_only("asks the reference's own model")

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


def concluded(cluster: Cluster) -> GatewayConfig:
    registry = read(cluster.store, trust_domain="cluster.local", root_namespace="istio-system")
    [pod] = [workload for workload in registry.workloads if workload.gateway]
    return gateway_config(current.API, policies.read(cluster.store, registry, {}), pod)


class ByTheModel:
    """What the ingress gateway serves, by the reference's model."""

    kind: Kind = "reference"

    def __init__(self) -> None:
        self.cluster = with_gateway()

    def domains(self) -> dict[int, list[str]]:
        """What each listener serves."""
        return {
            listener.port: [domain for host in listener.virtual_hosts for domain in host.domains]
            for listener in concluded(self.cluster).listeners
        }

    def places(self) -> list[tuple[str, int]]:
        """Host and port of the destinations of all routes."""
        [listener] = concluded(self.cluster).listeners
        return [
            (destination.host, destination.port)
            for host in listener.virtual_hosts
            for route in host.routes
            if isinstance(route.action, Forward)
            for destination in route.action.destinations
        ]


class ByIstiod:
    """The same, by what istiod gives to the proxy of its ingress gateway."""

    kind: Kind = "istio"

    def __init__(self, plane: IstioPlane) -> None:
        self._plane = plane
        self.cluster = plane.cluster

    def domains(self) -> dict[int, list[str]]:
        served = {port: self._virtual_hosts(port) for port in sorted(self._ports())}
        return {
            port: [domain for host in hosts for domain in host["domains"] if "blackhole" not in host["name"]]
            for port, hosts in served.items()
        }

    def places(self) -> list[tuple[str, int]]:
        [port] = self._ports()
        routes = [route for host in self._virtual_hosts(port) for route in host.get("routes", [])]
        clusters = [route.get("route", {}).get("cluster", "") for route in routes]
        names = [cluster.split("|") for cluster in clusters if cluster]
        return [(host, int(number)) for _, number, _, host in names]

    def _ports(self) -> list[int]:
        listeners = self._dump("dynamicListeners")
        addresses = [
            each["activeState"]["listener"]["address"]["socketAddress"]["portValue"] for each in listeners
        ]
        return [port for port in addresses if port not in OWN_PORTS]

    def _virtual_hosts(self, port: int) -> list[dict[str, Any]]:
        tables = [each["routeConfig"] for each in self._dump("dynamicRouteConfigs")]
        return [
            host
            for table in tables
            if table["name"] == f"http.{port}"
            for host in table.get("virtualHosts", [])
        ]

    def _dump(self, part: str) -> list[dict[str, Any]]:
        self._plane.settle()
        [proxy] = [name for name in self._plane.lab.istiod.proxies() if name.endswith(".istio-system")]
        dump = self._plane.lab.istiod.json(f"/debug/config_dump?proxyID={proxy}")
        return [each for config in dump["configs"] for each in config.get(part, [])]


OWN_PORTS = (15021, 15090)
"""Of health and statistics."""


@pytest.fixture
def ingress(request: pytest.FixtureRequest) -> Iterator[ByTheModel | ByIstiod]:
    """The ingress gateway in istio-system, and httpbin in foo and bar."""
    if chosen(request.config) == "reference":
        yield ByTheModel()
        return
    plane: IstioPlane = request.getfixturevalue("plane")
    ports = [{"name": "http", "port": 8000, "targetPort": 8080}]
    for number, namespace in enumerate(("foo", "bar"), start=12):
        plane.cluster.service("httpbin", namespace, f"10.96.0.{number}", ports)
    yield ByIstiod(plane)
    for namespace in ("foo", "bar"):
        plane.cluster.store.remove(SERVICES, namespace, "httpbin")


def test_without_a_gateway_resource_nothing_is_listened_on(ingress: ByTheModel) -> None:
    cluster = ingress.cluster
    route(cluster, ["*"])
    assert ingress.domains() == {}


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
def test_a_gateway_is_for_the_pods_it_selects_in_any_namespace(
    ingress: ByTheModel, selector: Any, listens: bool
) -> None:
    cluster = ingress.cluster
    put(cluster, gateway, "bar/gw", {"selector": selector, "servers": [server("*")]})
    assert (ingress.domains() == {8080: []}) is listens
    assert bool(ingress.domains()) is listens


HTTPS = Either("protocols-of-listeners", reference=[], istio=[8443])


@pytest.mark.parametrize(
    ("servers", "ports"),
    [
        ([server("*")], [8080]),
        ([server("*", port=8443)], [8443]),
        ([server("*", port=9999)], [9999]),
        ([server("*", protocol="HTTP2")], [8080]),
        ([server("*", protocol="grpc")], [8080]),
        ([server("*", protocol="TCP")], []),
        ([server("*", port=443, protocol="HTTPS", tls={"mode": "SIMPLE", "credentialName": "x"})], HTTPS),
        ([server("*", protocol="TCP"), server("*", port=8080)], []),
        ([server("*"), server("*", port=8080, protocol="TCP")], [8080]),
        ([server("*", port=15021)], []),
        ([server("*"), server("*", port=9000)], [8080, 9000]),
    ],
)
def test_a_server_is_listened_on_at_the_target_port_of_the_service(
    ingress: ByTheModel, servers: Any, ports: list[int]
) -> None:
    cluster = ingress.cluster
    open_for(cluster, *servers)
    assert list(ingress.domains()) == on(ingress.kind, ports)


# Hosts of the server, hosts of the VirtualService in namespace foo, hosts that are served.
COMMON_HOSTS = [
    (["*"], ["*"], ["*"]),
    (["*"], ["httpbin.example.com"], ["httpbin.example.com"]),
    (["*.example.com"], ["httpbin.example.com", "example.com", "other.org"], ["httpbin.example.com"]),
    (["a.example.com", "b.example.com"], ["*.example.com"], ["a.example.com", "b.example.com"]),
    (["a.example.com"], ["*"], ["a.example.com"]),
    (["*.example.com"], ["*.a.example.com"], ["*.a.example.com"]),
    (["A.Example.com"], ["A.Example.com"], ["a.example.com"]),
    (["A.Example.com"], ["a.example.com"], []),
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
    ingress: ByTheModel, servers: list[str], hosts: list[str], served: list[str]
) -> None:
    cluster = ingress.cluster
    open_for(cluster, server(*servers))
    route(cluster, hosts)
    assert ingress.domains() == {8080: served}


@pytest.mark.parametrize(
    ("names", "bound"),
    [
        (["gw"], True),
        (["foo/gw"], True),
        pytest.param(["./gw"], True, marks=model),
        (["gw.foo"], True),
        (["gw.foo.svc.cluster.local"], True),
        (["mesh", "gw"], True),
        (["mesh"], False),
        ([], False),
        (["bar/gw"], False),
        (["other"], False),
    ],
)
def test_routes_are_served_where_they_are_bound_by_name(
    ingress: ByTheModel, names: list[str], bound: bool
) -> None:
    cluster = ingress.cluster
    open_for(cluster, server("*"))
    route(cluster, ["a.org"], gateways=names)
    assert ingress.domains() == {8080: ["a.org"] if bound else []}


@model
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
def test_routes_count_only_where_they_are_exported_to(
    ingress: ByTheModel, export_to: list[str], visible: bool
) -> None:
    cluster = ingress.cluster
    open_for(cluster, server("*"))
    route(cluster, ["a.org"], exportTo=export_to)
    assert ingress.domains() == {8080: ["a.org"] if visible else []}


def actions(cluster: Cluster) -> list[Any]:
    [listener] = concluded(cluster).listeners
    [host] = listener.virtual_hosts
    return [each.action for each in host.routes]


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
def test_where_a_route_leads(ingress: ByTheModel, http: Any, expected: tuple[str, int]) -> None:
    cluster = ingress.cluster
    open_for(cluster, server("*"))
    route(cluster, ["*"], http)
    assert ingress.places() == [expected]


@model
def test_only_what_routes_name_is_known_to_the_gateway_and_spoken_to_by_mutual_tls() -> None:
    cluster = with_gateway()
    open_for(cluster, server("*"))
    route(cluster, ["*"], to("httpbin"), to("nobody"))
    found = concluded(cluster)
    assert [(each.host, each.port, each.tls.origination) for each in found.upstreams] == [
        (FOO, 8000, TlsOrigination.AUTO)
    ]
    assert found.upstreams[0].tls.subject_alt_names == ("spiffe://cluster.local/ns/foo/sa/httpbin",)
    assert found.identity.uri == "spiffe://cluster.local/ns/istio-system/sa/ingress"


@model
def test_destination_rules_are_looked_up_from_the_gateways_namespace() -> None:
    cluster = with_gateway()
    open_for(cluster, server("*"))
    route(cluster, ["*"], {"route": [{"destination": {"host": "httpbin", "subset": "v1"}}]})
    spec = {"host": FOO, "trafficPolicy": {"tls": {"mode": "DISABLE"}}, "subsets": [{"name": "v1"}]}
    # A rule of the root namespace is a gateway's own only if nobody else sees it.
    cluster.rule("istio-system", spec | {"exportTo": ["."]})
    cluster.rule("foo", {"host": FOO, "trafficPolicy": {"tls": {"mode": "SIMPLE"}}})
    assert [(each.subset, each.tls.origination) for each in concluded(cluster).upstreams] == [
        ("v1", TlsOrigination.DISABLE)
    ]


def test_routes_after_one_for_every_request_are_dropped_and_older_rules_go_first(ingress: ByTheModel) -> None:
    cluster = ingress.cluster
    open_for(cluster, server("*"))
    match: Any = {"match": [{"uri": {"prefix": "/a"}}]}
    route(cluster, ["a.org"], to("everything"), to("never"), place="foo/old", second=1)
    route(cluster, ["a.org"], to("special", **match), place="foo/new", second=2)
    # The route for every request of the older rule would hide those of the newer one.
    assert [host for host, _ in ingress.places()] == [
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
def test_matches_that_are_not_for_this_gateway(ingress: ByTheModel, match: Any, served: bool) -> None:
    cluster = ingress.cluster
    open_for(cluster, server("*"))
    route(cluster, ["a.org"], to("httpbin", match=[match | {"uri": {"prefix": "/"}}]))
    assert ingress.domains() == {8080: ["a.org"] if served else []}


@model
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


@model
def test_a_server_that_redirects_to_https_does_so_with_and_without_routes() -> None:
    cluster = with_gateway()
    open_for(cluster, server("a.org", "b.org", tls={"httpsRedirect": True}), server("c.org"))
    route(cluster, ["a.org", "c.org"])
    [listener] = concluded(cluster).listeners
    assert {host.domains[0]: (host.https_redirect, len(host.routes)) for host in listener.virtual_hosts} == {
        "a.org": (True, 1),
        "b.org": (True, 0),
        "c.org": (False, 1),
    }
