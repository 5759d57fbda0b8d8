"""The Gateway API: which routes are attached to which listeners, and what their rules come down to."""

from __future__ import annotations

from typing import Any

import pytest

from lab.mesh.model.proxy_config import Listener
from lab.mesh.model.routing import (
    Destination,
    Forward,
    HeaderChanges,
    PathChange,
    Redirect,
    Respond,
    TextMatch,
    TextMatching,
)
from tests.mesh.gateway_cluster import (
    HTTP,
    ROUTES,
    GatewayCluster,
    all_namespaces,
    path,
    to,
)

model = pytest.mark.reference_only("asks the reference's own model")

ACCEPTED = {"Accepted": ("True", "Accepted"), "ResolvedRefs": ("True", "ResolvedRefs")}


def destination(namespace: str = "foo", **differently: Any) -> Destination:
    return Destination(f"httpbin.{namespace}.svc.cluster.local", 8000, **differently)


# Attachment


@model
def test_a_route_of_the_same_namespace_attaches_by_default(cluster: GatewayCluster) -> None:
    cluster.gateway()
    cluster.route("plain")
    assert cluster.verdicts("plain") == ACCEPTED
    assert list(cluster.hosts()) == ["*"]


@model
def test_other_namespaces_have_to_be_allowed(cluster: GatewayCluster) -> None:
    cluster.gateway()
    cluster.route("foreign", namespace="bar")
    assert cluster.verdicts("foreign", "bar")["Accepted"] == ("False", "NotAllowedByListeners")
    assert cluster.hosts() == {}


@model
@pytest.mark.parametrize(
    "namespaces",
    [
        {"from": "All"},
        {"from": "Selector", "selector": {"matchLabels": {"team": "bar"}}},
        {"from": "Selector", "selector": {"matchExpressions": [{"key": "team", "operator": "Exists"}]}},
    ],
)
def test_listeners_say_which_namespaces_they_allow(cluster: GatewayCluster, namespaces: Any) -> None:
    cluster.gateway("gw", {**HTTP, "allowedRoutes": {"namespaces": namespaces}})
    cluster.route("foreign", namespace="bar")
    assert cluster.verdicts("foreign", "bar") == ACCEPTED
    [route] = cluster.hosts()["*"].routes
    assert route.action == Forward((destination("bar"),), unknown_status=500)


def test_a_selector_that_does_not_select_allows_nothing(cluster: GatewayCluster) -> None:
    namespaces = {"from": "Selector", "selector": {"matchLabels": {"team": "other"}}}
    cluster.gateway("gw", {**HTTP, "allowedRoutes": {"namespaces": namespaces}})
    cluster.route("foreign", namespace="bar")
    assert cluster.verdicts("foreign", "bar")["Accepted"] == ("False", "NotAllowedByListeners")


def test_a_listener_may_want_other_kinds(cluster: GatewayCluster) -> None:
    cluster.gateway("gw", {**HTTP, "allowedRoutes": {"kinds": [{"kind": "TCPRoute"}]}})
    cluster.route("plain")
    assert cluster.verdicts("plain")["Accepted"] == ("False", "NotAllowedByListeners")


@pytest.mark.parametrize("section", [{"sectionName": "nowhere"}, {"port": 81}])
def test_a_part_of_the_gateway_that_is_not_there(cluster: GatewayCluster, section: Any) -> None:
    cluster.gateway()
    cluster.route("lost", parentRefs=[{"name": "gw", **section}])
    assert cluster.verdicts("lost")["Accepted"] == ("False", "NoMatchingParent")


@model
def test_section_and_port_choose_the_listener(cluster: GatewayCluster) -> None:
    second = {"name": "second", "port": 81, "protocol": "HTTP"}
    third = {"name": "third", "port": 82, "protocol": "HTTP"}
    cluster.gateway("gw", HTTP, second, third)
    cluster.route("by-name", to("httpbin"), parentRefs=[{"name": "gw", "sectionName": "second"}])
    cluster.route("by-port", to("httpbin"), parentRefs=[{"name": "gw", "port": 82}])
    named = {
        listener.port: [route.name for host in listener.virtual_hosts for route in host.routes]
        for listener in cluster.listeners()
    }
    assert named == {80: [], 81: ["foo.by-name.0"], 82: ["foo.by-port.0"]}


@model
@pytest.mark.parametrize(
    ("listener", "route", "served"),
    [
        (None, [], ["*"]),
        (None, ["a.example.com", "*.b.example.com"], ["a.example.com", "*.b.example.com"]),
        ("a.example.com", [], ["a.example.com"]),
        ("a.example.com", ["*.example.com", "b.example.com"], ["a.example.com"]),
        ("*.example.com", ["a.example.com", "x.b.example.com", "example.com", "a.example.net"],
         ["a.example.com", "x.b.example.com"]),
        ("*.example.com", ["*.b.example.com"], ["*.b.example.com"]),
        ("*.example.com", ["*.com"], ["*.example.com"]),
    ],
)  # fmt: skip
def test_hosts_that_listener_and_route_have_in_common(
    cluster: GatewayCluster, listener: str | None, route: list[str], served: list[str]
) -> None:
    cluster.gateway("gw", HTTP | ({"hostname": listener} if listener else {}))
    hostnames: Any = {"hostnames": route} if route else {}
    cluster.route("some", **hostnames)
    assert cluster.verdicts("some") == ACCEPTED
    assert {host for host, found in cluster.hosts().items() if found.routes} == set(served)


def test_no_common_host(cluster: GatewayCluster) -> None:
    cluster.gateway("gw", HTTP | {"hostname": "*.example.com"})
    cluster.route("other", hostnames=["example.net", "example.com"])
    assert cluster.verdicts("other")["Accepted"] == ("False", "NoMatchingListenerHostname")


@model
def test_a_host_belongs_to_the_most_specific_listener_alone(cluster: GatewayCluster) -> None:
    wide = HTTP | {"name": "wide", "hostname": "*.example.com"}
    narrow = HTTP | {"name": "narrow", "hostname": "a.example.com"}
    cluster.gateway("gw", wide, narrow)
    cluster.route(
        "wide",
        hostnames=["a.example.com", "b.example.com"],
        parentRefs=[{"name": "gw", "sectionName": "wide"}],
    )
    hosts = cluster.hosts()
    assert hosts["a.example.com"].routes == ()
    assert len(hosts["b.example.com"].routes) == 1


def test_a_gateway_that_is_not_ours_says_nothing_about_its_routes(cluster: GatewayCluster) -> None:
    cluster.gateway("gw", spec={"gatewayClassName": "other"})
    cluster.route("plain")
    cluster.route("nobody", parentRefs=[{"name": "missing"}])
    assert cluster.status(ROUTES, "plain") == {"parents": []}
    assert cluster.status(ROUTES, "nobody") == {"parents": []}


@model
def test_the_report_of_another_controller_stays(cluster: GatewayCluster) -> None:
    cluster.gateway()
    route = cluster.route("shared")
    foreign = {
        "parentRef": {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "theirs"},
        "controllerName": "example.net/controller",
        "conditions": [],
    }
    name = route["metadata"]["name"]
    cluster.objects.set_status(ROUTES, "foo", name, {"parents": [foreign]}, manager="theirs")
    parents = cluster.status(ROUTES, "shared")["parents"]
    assert [each["controllerName"] for each in parents] == [
        "example.net/controller",
        "istio.io/gateway-controller",
    ]


# Backends


@model
def test_a_backend_of_another_namespace_needs_a_grant(cluster: GatewayCluster) -> None:
    cluster.gateway()
    cluster.route("across", to({"name": "httpbin", "namespace": "bar", "port": 8000}))
    assert cluster.verdicts("across")["ResolvedRefs"] == ("False", "RefNotPermitted")
    assert [route.action for route in cluster.hosts()["*"].routes] == [Respond(500)]
    cluster.grant("bar", "foo")
    assert cluster.verdicts("across") == ACCEPTED
    assert cluster.hosts()["*"].routes[0].action == Forward((destination("bar"),), unknown_status=500)


@pytest.mark.parametrize(
    ("source", "name", "granted"), [("foo", "httpbin", True), ("foo", "other", False), ("bar", None, False)]
)
def test_a_grant_is_for_who_and_what_it_names(
    cluster: GatewayCluster, source: str, name: str | None, granted: bool
) -> None:
    cluster.gateway()
    cluster.route("across", to({"name": "httpbin", "namespace": "bar", "port": 8000}))
    cluster.grant("bar", source, name)
    assert (cluster.verdicts("across") == ACCEPTED) is granted


@model
@pytest.mark.parametrize(
    ("backend", "reason"),
    [
        ({"name": "missing", "port": 8000}, "BackendNotFound"),
        ({"group": "example.net", "kind": "Thing", "name": "httpbin"}, "InvalidKind"),
    ],
)
def test_backends_that_cannot_be(cluster: GatewayCluster, backend: Any, reason: str) -> None:
    cluster.gateway()
    cluster.route("wrong", to(backend))
    assert cluster.verdicts("wrong") == {
        "Accepted": ("True", "Accepted"),
        "ResolvedRefs": ("False", reason),
    }
    assert [route.action for route in cluster.hosts()["*"].routes] == [Respond(500)]


@model
@pytest.mark.parametrize(
    "rule",
    [to(), {}, to({"name": "httpbin", "port": 8000, "weight": 0})],
    ids=["none", "unsaid", "no weight"],
)
def test_without_any_backend_requests_fail(cluster: GatewayCluster, rule: Any) -> None:
    cluster.gateway()
    cluster.route("nowhere", rule)
    assert [route.action for route in cluster.hosts()["*"].routes] == [Respond(500)]


@model
def test_weights_and_a_part_that_fails(cluster: GatewayCluster) -> None:
    cluster.gateway()
    cluster.route(
        "split",
        to(
            {"name": "httpbin", "port": 8000, "weight": 3},
            {"name": "missing", "port": 8000, "weight": 2},
            {"name": "httpbin", "port": 9000, "weight": 0},
        ),
    )
    [route] = cluster.hosts()["*"].routes
    assert isinstance(route.action, Forward)
    assert [(each.host.partition(".")[0], each.weight) for each in route.action.destinations] == [
        ("httpbin", 3),
        ("invalid-backend", 2),
    ]
    assert route.action.unknown_status == 500


# Rules


@model
def test_the_most_specific_match_goes_first(cluster: GatewayCluster) -> None:
    cluster.gateway()
    header = {"headers": [{"name": "X-A", "value": "1"}]}
    two_headers = {"headers": [{"name": "x-a", "value": "1"}, {"name": "x-b", "value": "2"}]}
    query = {"queryParams": [{"name": "q", "value": "1"}]}
    cluster.route(
        "all",
        to("httpbin"),
        to("httpbin", matches=[path("RegularExpression", "/a.*")]),
        to("httpbin", matches=[path("PathPrefix", "/a")]),
        to("httpbin", matches=[path("PathPrefix", "/a/b/")]),
        to("httpbin", matches=[path("Exact", "/a/b")]),
        to("httpbin", matches=[path("PathPrefix", "/a", method="GET")]),
        to("httpbin", matches=[path("PathPrefix", "/a", **header), path("Exact", "/")]),
        to("httpbin", matches=[path("PathPrefix", "/a", **two_headers)]),
        to("httpbin", matches=[path("PathPrefix", "/a", **query)]),
    )
    order = [int(route.name.rpartition(".")[2]) for route in cluster.hosts()["*"].routes]
    # Exact paths and then prefixes, the longer first; method; headers; query; the root; expressions.
    assert order == [4, 6, 3, 5, 7, 6, 8, 2, 0, 1]


@model
def test_of_equal_matches_the_older_route_goes_first(cluster: GatewayCluster) -> None:
    cluster.gateway()
    for name in ("b", "a"):
        cluster.route(name, to("httpbin"))
    # Made in the same second, so that the name decides.
    created = {cluster.store.get(ROUTES, "foo", name)["metadata"]["creationTimestamp"] for name in "ab"}  # type: ignore[index]
    names = [route.name for route in cluster.hosts()["*"].routes]
    assert names == (["foo.a.0", "foo.b.0"] if len(created) == 1 else ["foo.b.0", "foo.a.0"])


@model
def test_matches(cluster: GatewayCluster) -> None:
    cluster.gateway()
    headers = [
        {"name": "X-Exact", "value": "a"},
        {"name": "x-expression", "type": "RegularExpression", "value": "a+"},
        {"name": "X-Expression", "value": "second"},
    ]
    query = [{"name": "Q", "type": "RegularExpression", "value": "[0-9]"}]
    match = path("PathPrefix", "/a/", method="POST", headers=headers, queryParams=query)
    cluster.route("precise", to("httpbin", matches=[match]))
    [route] = cluster.hosts()["*"].routes
    assert route.match.path == TextMatch(TextMatching.SEGMENTS, "/a")
    assert route.match.method == TextMatch(TextMatching.EXACT, "POST")
    assert [(each.name, each.value.matching, each.value.text) for each in route.match.headers] == [
        ("x-exact", TextMatching.EXACT, "a"),
        ("x-expression", TextMatching.REGEX, "a+"),
    ]
    assert [(each.name, each.value.matching, each.value.text) for each in route.match.query] == [
        ("Q", TextMatching.REGEX, "[0-9]")
    ]


@model
def test_filters_of_a_rule_and_of_a_backend(cluster: GatewayCluster) -> None:
    cluster.gateway()
    backend_filters = [
        {"type": "RequestHeaderModifier", "requestHeaderModifier": {"add": [{"name": "x-c", "value": "3"}]}}
    ]
    filters = [
        {
            "type": "RequestHeaderModifier",
            "requestHeaderModifier": {"set": [{"name": "x-a", "value": "1"}], "remove": ["x-b"]},
        },
        {"type": "ResponseHeaderModifier", "responseHeaderModifier": {"remove": ["server"]}},
        {
            "type": "URLRewrite",
            "urlRewrite": {
                "hostname": "inside.example.com",
                "path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/new"},
            },
        },
    ]
    cluster.route(
        "changes",
        to(
            {"name": "httpbin", "port": 8000, "filters": backend_filters},
            filters=filters,
            matches=[path("PathPrefix", "/old")],
            timeouts={"request": "1s500ms"},
        ),
    )
    [route] = cluster.hosts()["*"].routes
    assert route.request_headers == HeaderChanges(set=(("x-a", "1"),), remove=("x-b",))
    assert route.response_headers == HeaderChanges(remove=("server",))
    assert route.action == Forward(
        (destination(request_headers=HeaderChanges(add=(("x-c", "3"),))),),
        path=PathChange(prefix="/new"),
        host="inside.example.com",
        timeout_s=1.5,
        unknown_status=500,
    )


@model
@pytest.mark.parametrize(
    ("redirect", "wanted"),
    [
        ({}, Redirect(302)),
        ({"scheme": "https", "statusCode": 301}, Redirect(301, "https", port=443)),
        ({"scheme": "http", "port": 8080, "hostname": "a.b"}, Redirect(302, "http", "a.b", 8080)),
        (
            {"path": {"type": "ReplaceFullPath", "replaceFullPath": "/new"}},
            Redirect(302, path=PathChange(full="/new")),
        ),
    ],
)
def test_redirects(cluster: GatewayCluster, redirect: Any, wanted: Redirect) -> None:
    cluster.gateway()
    cluster.route("away", {"filters": [{"type": "RequestRedirect", "requestRedirect": redirect}]})
    assert [route.action for route in cluster.hosts()["*"].routes] == [wanted]


@model
@pytest.mark.parametrize(
    "rule",
    [
        to(
            "httpbin",
            filters=[
                {
                    "type": "RequestMirror",
                    "requestMirror": {"backendRef": {"name": "httpbin", "port": 8000}},
                }
            ],
        ),
        to("httpbin", matches=[path("RegularExpression", "(")]),
        to("httpbin", matches=[path("RegularExpression", "/(?=a).*")]),
        to("httpbin", matches=[{"headers": [{"name": "a", "type": "RegularExpression", "value": "["}]}]),
    ],
    ids=["mirror", "path", "look-ahead", "header"],
)
def test_what_the_mesh_cannot_obey_is_refused(cluster: GatewayCluster, rule: Any) -> None:
    cluster.gateway()
    cluster.route("strange", rule)
    assert cluster.verdicts("strange")["Accepted"] == ("False", "UnsupportedValue")
    assert cluster.hosts() == {}


@model
def test_ports_of_one_gateway(cluster: GatewayCluster) -> None:
    cluster.gateway("gw", all_namespaces(), {"name": "more", "port": 8080, "protocol": "HTTP"})
    assert cluster.listeners() == (Listener(80), Listener(8080))


@model
def test_another_gateway_leaves_this_one_alone(cluster: GatewayCluster) -> None:
    cluster.gateway()
    cluster.gateway("second", HTTP | {"port": 81})
    cluster.route("plain")
    [listener] = cluster.listeners("second")
    assert (listener.port, listener.virtual_hosts) == (81, ())
