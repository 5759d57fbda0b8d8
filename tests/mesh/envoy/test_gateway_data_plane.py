"""What comes through a gateway: a real proxy, with an application behind a sidecar and one without."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from lab.kube.client import PODS, SERVICES
from lab.mesh.config.networking import gateway, virtual_service
from lab.mesh.workloads.gateway_pods import ARGUMENTS
from tests.mesh import foreign
from tests.mesh.cluster import Cluster
from tests.mesh.config.networking.test_gateway_listeners import open_for, put, server, to
from tests.mesh.conftest import NAKED, SERVER, three_pods
from tests.mesh.envoy.claim_routes import ROUTES, TOKENS
from tests.mesh.issuer import Issuer, bearer
from tests.mesh.plane import Plane, running
from tests.planes.differences import Either, on
from tests.planes.istio_plane import IstioPlane
from tests.planes.option import chosen

HTTP_PORT = 8080
ACCOUNT = "istio-ingressgateway-service-account"
IDENTITY = f"spiffe://cluster.local/ns/istio-system/sa/{ACCOUNT}"


@pytest.fixture(scope="module")
def with_ingress(request: pytest.FixtureRequest) -> Iterator[Plane | IstioPlane]:
    """Istio has brought its ingress gateway with it."""
    if chosen(request.config) == "istio":
        istio: IstioPlane = request.getfixturevalue("started")
        headless_service(istio.cluster)
        istio.from_outside = "naked"
        yield istio
        istio.from_outside = ""
        istio.cluster.store.remove(SERVICES, "foo", "headless")
        return
    cluster = three_pods()
    labels = {"istio": "ingressgateway"}
    address = Plane.ingress
    pod = cluster.pod("ingress", "istio-system", address, sidecar=False, account=ACCOUNT, labels=labels)
    pod["spec"]["containers"] = [{"name": "istio-proxy", "args": list(ARGUMENTS)}]
    cluster.store.put(PODS, pod)
    port = {"name": "http2", "port": 80, "targetPort": HTTP_PORT}
    cluster.service("ingress", "istio-system", "10.96.0.50", [port], [address], selector=labels)
    headless_service(cluster)
    with foreign.folder() as folder, running(cluster, folder) as plane:
        plane.mesh.reconcile()
        plane.ask("pod", name="server", address=SERVER, captured=True)
        plane.ask("pod", name="naked", address=NAKED, captured=False)
        plane.ask("pod", name="ingress", address=address, captured=False)
        plane.start_application("server", 8080)
        plane.start_application("naked", 8080)
        plane.start_proxy("server", "uid-server-foo")
        plane.start_proxy("ingress", "uid-ingress-istio-system")
        plane.wait_until_live()
        plane.wait_for("server", SERVER, 8080)
        plane.wait_for("naked", NAKED, 8080)
        yield plane


def headless_service(cluster: Cluster) -> None:
    port = {"name": "http", "port": 8000, "targetPort": 8080}
    cluster.service("headless", "foo", "None", [port], [SERVER], selector={"app": "server"})


@pytest.fixture
def plane(with_ingress: Plane) -> Iterator[Plane]:
    """Without any policy or route, before and after."""
    yield with_ingress
    with_ingress.cluster.clear_policies()
    with_ingress.after_a_test()


def serve(plane: Plane, *http: Any, hosts: tuple[str, ...] = ("*",)) -> None:
    open_for(plane.cluster, server("*"))
    spec = {"hosts": list(hosts), "gateways": ["gw"], "http": list(http) or [to("server")]}
    put(plane.cluster, virtual_service, "foo/vs", spec)
    plane.settle()


def ask(plane: Plane, path: str = "/", method: str = "GET", **headers: str) -> dict[str, Any]:
    """From a pod outside the mesh. Underscores in names of headers stand for dashes."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    dial = {"host": plane.ingress, "port": HTTP_PORT, "path": path, "method": method, "headers": named}
    return plane.dial("naked", [dial])[0]


def test_a_gateway_without_a_resource_listens_on_nothing_but_its_health(plane: Plane) -> None:
    assert ask(plane)["outcome"] == "reset"
    assert "Connection refused" in ask(plane)["error"]
    [health] = plane.dial("naked", [{"host": plane.ingress, "port": 15021, "path": "/healthz/other"}])
    assert health["code"] == 404


def test_a_gateway_without_routes_answers_404_with_nothing(plane: Plane) -> None:
    open_for(plane.cluster, server("*"))
    plane.settle()
    answer = ask(plane)
    assert (answer["code"], answer["body"]) == (404, "")
    assert answer["answer"]["server"] == "istio-envoy"


@pytest.mark.parametrize("mode", ["PERMISSIVE", "STRICT"])
def test_the_application_is_told_that_the_gateway_calls(plane: Plane, mode: str) -> None:
    plane.cluster.peer("istio-system", {"mtls": {"mode": mode}})
    serve(plane)
    answer = ask(plane, x_forwarded_client_cert="By=me;URI=spiffe://cluster.local/ns/foo/sa/admin")
    assert answer["code"] == 200
    element = answer["headers"]["x-forwarded-client-cert"]
    assert element.startswith("By=spiffe://cluster.local/ns/foo/sa/server;Hash=")
    assert element.endswith(f";URI={IDENTITY}")
    assert "admin" not in element
    assert answer["answer"]["server"] == "istio-envoy"
    assert "x-envoy-upstream-service-time" in answer["answer"]


def test_a_path_with_a_fragment_is_served_without_it(plane: Plane) -> None:
    serve(plane)
    answer = ask(plane, "/anything#top")
    assert (answer["code"], answer["path"]) == (200, "/anything")


def test_a_route_may_match_a_long_expression(plane: Plane) -> None:
    long = {"match": [{"uri": {"regex": "/anything/[a-z0-9._-]{1,200}/profile"}}], **to("server")}
    serve(plane, long)
    assert ask(plane, "/anything/somebody/profile")["code"] == 200
    assert ask(plane, "/anything/somebody")["code"] == 404


def test_a_workload_outside_the_mesh_is_reached_in_plain_text(plane: Plane) -> None:
    serve(plane, to("naked"))
    headers = ask(plane)["headers"]
    assert "x-forwarded-client-cert" not in headers


def test_a_headless_service_is_reached_by_its_endpoints(plane: Plane) -> None:
    serve(plane, to("headless"))
    assert IDENTITY in ask(plane)["headers"]["x-forwarded-client-cert"]


@pytest.mark.parametrize(("rule", "code"), [("DISABLE", 503), ("ISTIO_MUTUAL", 200), (None, 200)])
def test_a_destination_rule_for_the_gateway_is_obeyed(plane: Plane, rule: str | None, code: int) -> None:
    plane.cluster.peer("foo", {"mtls": {"mode": "STRICT"}})
    if rule:
        plane.cluster.rule("foo", {"host": "server", "trafficPolicy": {"tls": {"mode": rule}}})
    serve(plane)
    assert ask(plane)["code"] == code


def test_an_outsider_gives_the_proxy_no_instructions(plane: Plane) -> None:
    serve(plane)
    headers = ask(
        plane,
        x_envoy_upstream_rq_timeout_ms="1",
        x_envoy_max_retries="99",
        x_envoy_decorator_operation="mine",
        x_envoy_internal="true",
        x_other="mine",
    )["headers"]
    assert headers["x-other"] == "mine"
    assert headers["x-forwarded-for"] == NAKED
    assert headers["x-envoy-attempt-count"] == "1"
    theirs = {"x-envoy-upstream-rq-timeout-ms", "x-envoy-max-retries", "x-envoy-decorator-operation"}
    assert not theirs & headers.keys()
    assert headers.get("x-envoy-internal") != "true"


@pytest.mark.parametrize(
    ("host", "code"),
    [
        ("a.example.com", 200),
        ("a.example.com:12345", 200),
        ("A.EXAMPLE.COM", 200),
        ("example.com", 404),
        ("b.org", 200),
        ("c.org", 404),
    ],
)
def test_hosts_count_without_their_port(plane: Plane, host: str, code: int) -> None:
    serve(plane, hosts=("*.example.com", "b.org"))
    answer = ask(plane, host=host)
    assert answer["code"] == code
    if code == 404:
        assert answer["body"] == ""


MATCHES: list[tuple[Any, list[tuple[Any, bool]]]] = [
    ({"uri": {"exact": "/a"}}, [("/a", True), ("/a?x=1", True), ("/a/", False), ("/A", False)]),
    ({"uri": {"exact": "/a"}, "ignoreUriCase": True}, [("/A", True)]),
    ({"uri": {"prefix": "/a"}}, [("/a/b", True), ("/ab", True), ("/x/../a", True), ("/b", False)]),
    ({"uri": {"regex": "/a/[0-9]+"}}, [("/a/12", True), ("/a/x", False), ("/a/12/x", False)]),
    ({"uri": {"prefix": ""}}, [("/a", True)]),
    ({"method": {"exact": "PUT"}}, [("/", False)]),
    ({"queryParams": {"v": {"exact": "1"}}}, [("/?v=1", True), ("/?v=2", False), ("/", False)]),
    ({"queryParams": {"v": {}}}, [("/?v=2", True), ("/", False)]),
    ({"queryParams": {"V": {"exact": "1"}}}, [("/?V=1", True), ("/?v=1", False)]),
    ({"headers": {"x-v": {"exact": "1"}}}, [({"x_v": "1"}, True), ({"x_v": "2"}, False), ({}, False)]),
    ({"headers": {"x-v": {}}}, [({"x_v": "2"}, True), ({}, False)]),
    ({"withoutHeaders": {"x-v": {"exact": "1"}}}, [({"x_v": "1"}, False), ({"x_v": "2"}, True), ({}, True)]),
    ({"withoutHeaders": {"x-v": {}}}, [({"x_v": "1"}, False), ({}, True)]),
    ({"withoutHeaders": {"x-v": {"regex": "*"}}}, [({"x_v": "1"}, False), ({}, True)]),
    ({"authority": {"prefix": "a."}}, [({"host": "a.org"}, True), ({"host": "b.org"}, False)]),
    ({"scheme": {"exact": "https"}}, [("/", False)]),
    ({"uri": {"prefix": "/a"}, "headers": {"x-v": {"regex": "[0-9]+"}}}, [("/a", False)]),
]


@pytest.mark.parametrize(("match", "requests"), MATCHES)
def test_what_a_match_takes(plane: Plane, match: Any, requests: list[tuple[Any, bool]]) -> None:
    serve(plane, to("server", match=[match]), {"directResponse": {"status": 418}})
    for request, taken in requests:
        answer = ask(plane, request) if isinstance(request, str) else ask(plane, **request)
        assert answer["code"] == (200 if taken else 418), request


def test_requests_are_routed_by_the_claims_of_their_tokens(plane: Plane) -> None:
    issuer = Issuer()
    selector = {"matchLabels": {"istio": "ingressgateway"}}
    plane.cluster.tokens("istio-system", issuer.rule, selector=selector)
    routes = [
        to("server", match=[{"uri": {"exact": f"/{number}"}, "headers": wanted, "withoutHeaders": unwanted}])
        for number, (wanted, unwanted, _) in enumerate(ROUTES)
    ]
    serve(plane, *routes, {"directResponse": {"status": 418}})
    headers: Any = {"-": {}} | {name: bearer(issuer.token(**claims)) for name, claims in TOKENS.items()}
    asked = [(number, name) for number in range(len(ROUTES)) for name in headers]
    spoofed = {"request.auth.claims.spoofed": "staff", "x-a": "b"}
    answers = plane.dial(
        "naked",
        [
            {
                "host": plane.ingress,
                "port": HTTP_PORT,
                "path": f"/{number}",
                "headers": headers[name] | spoofed,
            }
            for number, name in asked
        ],
    )
    seen = {each: answer["code"] for each, answer in zip(asked, answers, strict=True)}
    for number, route in enumerate(ROUTES):
        went = "".join(name for name in headers if seen[number, name] == 200)
        assert went == route[2], route
    assert set(seen.values()) == {200, 418}
    assert {ask(plane, f"/{number}", authorization="Bearer no")["code"] for number in range(3)} == {401}


def test_without_a_request_authentication_there_are_no_claims(plane: Plane) -> None:
    by_claim = {"headers": {"@request.auth.claims.iss": {"exact": Issuer().name}}}
    serve(plane, to("server", match=[by_claim]), {"directResponse": {"status": 418}})
    assert ask(plane, **bearer(Issuer().token()))["code"] == 418


def test_an_unknown_destination_is_503_and_weights_of_nothing_never_chosen(plane: Plane) -> None:
    weighted = [
        {"destination": {"host": "server", "port": {"number": 8000}}, "weight": 100},
        {"destination": {"host": "nobody", "port": {"number": 8000}}, "weight": 0},
    ]
    serve(plane, to("nobody", match=[{"uri": {"prefix": "/nobody"}}]), {"route": weighted})
    assert ask(plane, "/nobody")["code"] == 503
    assert {ask(plane)["code"] for _ in range(10)} == {200}


def test_weights_are_kept(plane: Plane) -> None:
    weighted = [
        {"destination": {"host": name, "port": {"number": 8000}}, "weight": weight}
        for name, weight in (("server", 30), ("naked", 70))
    ]
    serve(plane, {"route": weighted})
    dial = {"host": plane.ingress, "port": HTTP_PORT}
    answers = plane.dial("naked", [dial] * 200)
    through_mesh = sum("x-forwarded-client-cert" in answer["headers"] for answer in answers)
    assert 30 <= through_mesh <= 95


def test_headers_are_changed_on_both_ways(plane: Plane) -> None:
    request = {"set": {"x-set": "50%%", "host": "other.org"}, "add": {"x-add": "two"}, "remove": ["x-gone"]}
    response = {"add": {"x-answer": "%REQ(x-add)%"}, "remove": ["x-envoy-upstream-service-time"]}
    serve(plane, to("server", headers={"request": request, "response": response}))
    answer = ask(plane, x_set="old", x_add="one", x_gone="here")
    headers = answer["headers"]
    formats = Either("header-value-formats", reference=("50%%", "%REQ(x-add)%"), istio=("50%", "one"))
    assert (headers["x-set"], answer["answer"]["x-answer"]) == on(plane.kind, formats)
    assert headers["host"] == "other.org"
    assert headers["x-add"] == "two"  # the last of two lines
    assert "x-gone" not in headers
    assert "x-envoy-upstream-service-time" not in answer["answer"]


@pytest.mark.parametrize(
    ("match", "rewrite", "asked", "received"),
    [
        ({"uri": {"prefix": "/a/"}}, {"uri": "/"}, "/a/b?x=1", "/b?x=1"),
        ({"uri": {"exact": "/a"}}, {"uri": "/z"}, "/a", "/z"),
        # No reference to a group; the server's proxy then normalises the path.
        ({"uri": {"regex": "/a.*"}}, {"uri": "/z\\1"}, "/abc", "/z/1"),
        (None, {"uriRegexRewrite": {"match": "^/a/([0-9]+)", "rewrite": "/b/\\1"}}, "/a/7/x", "/b/7/x"),
        (None, {"authority": "other.org"}, "/a", "/a"),
    ],
)
def test_the_request_is_rewritten(plane: Plane, match: Any, rewrite: Any, asked: str, received: str) -> None:
    more: Any = {"match": [match]} if match else {}
    serve(plane, to("server", rewrite=rewrite, **more))
    answer = ask(plane, asked)
    assert answer["path"] == received
    assert (answer["headers"]["host"] == "other.org") is ("authority" in rewrite)


@pytest.mark.parametrize(
    ("redirect", "code", "location"),
    [
        ({"uri": "/new"}, 301, "http://a.org/new?y=1"),
        ({"authority": "b.org", "redirectCode": 307}, 307, "http://b.org/x?y=1"),
        ({"scheme": "https", "port": 8443}, 301, "https://a.org:8443/x?y=1"),
        ({"scheme": "https"}, 301, "https://a.org/x?y=1"),
    ],
)
def test_clients_are_redirected(plane: Plane, redirect: Any, code: int, location: str) -> None:
    serve(plane, {"redirect": redirect})
    answer = ask(plane, "/x?y=1", host="a.org")
    assert (answer["code"], answer["answer"]["location"]) == (code, location)


def test_a_direct_response_has_its_body(plane: Plane) -> None:
    serve(plane, {"directResponse": {"status": 503, "body": {"bytes": "bWFpbnRlbmFuY2U="}}})
    answer = ask(plane)
    assert (answer["code"], answer["body"]) == (503, "maintenance")


def test_what_admission_lets_through_is_taken_by_the_proxy(plane: Plane) -> None:
    """At the limits; a proxy that refuses an update would go on with what it had."""
    body = {"string": "x" * 2**20}
    headers = {"request": {"set": {"content-length": "1"}, "remove": ["x-nowhere"]}}
    serve(
        plane,
        {"match": [{"uri": {"exact": "/long"}}], "directResponse": {"status": 599, "body": body}},
        to("server", timeout="876000h", retries={"attempts": 0}, match=[{"queryParams": {"a b": {}}}]),
        {"match": [{"headers": {":method": {"exact": ""}}}], "redirect": {"port": 65535}},
        to("server", headers=headers),
        hosts=("*foo.org", "a.org.", "b.org"),
    )
    assert ask(plane, "/long", host="a.foo.org")["code"] == 599


def test_plain_http_is_sent_to_https_when_the_server_says_so(plane: Plane) -> None:
    open_for(plane.cluster, server("*", tls={"httpsRedirect": True}))
    plane.settle()
    answer = ask(plane, "/x", host="a.org")
    assert (answer["code"], answer["answer"]["location"]) == (301, "https://a.org/x")


def test_tokens_and_permissions_are_those_of_the_policies_that_select_the_gateway(plane: Plane) -> None:
    serve(plane)
    selector = {"matchLabels": {"istio": "ingressgateway"}}
    deny = {"to": [{"operation": {"paths": ["/denied"]}}]}
    plane.cluster.access("istio-system", "DENY", deny, selector=selector)
    plane.settle()
    assert (ask(plane, "/denied")["code"], ask(plane, "/denied")["body"]) == (403, "RBAC: access denied")
    assert ask(plane, "/other")["code"] == 200


def test_a_closed_gateway_listens_no_longer(plane: Plane) -> None:
    serve(plane)
    assert ask(plane)["code"] == 200
    plane.cluster.store.remove(gateway.KEY, "foo", "gw")
    plane.settle()
    assert "refused" in ask(plane)["error"]
