"""What a proxy makes of AuthorizationPolicies, on real sockets; expected values from Istio's own tests."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.mesh.conftest import CLIENT, NAKED, SERVER, SERVER_IP
from tests.mesh.issuer import Issuer, bearer, key
from tests.mesh.plane import Plane
from tools.tokens import jwks

DENIED = "RBAC: access denied"
CLIENT_ID = "cluster.local/ns/foo/sa/client"


def http(
    path: str = "/", headers: dict[str, str] | None = None, method: str = "GET", port: int = 8080
) -> dict[str, Any]:
    return {"host": SERVER, "port": port, "path": path, "headers": headers or {}, "method": method}


def outcomes(plane: Plane, dials: list[dict[str, Any]], pod: str = "naked") -> list[Any]:
    """The status, or what became of the connection."""
    return [result.get("code", result["outcome"]) for result in plane.dial(pod, dials)]


def source(**fields: Any) -> dict[str, Any]:
    return {"from": [{"source": fields}]}


def to(**fields: Any) -> dict[str, Any]:
    return {"to": [{"operation": fields}]}


def when(key: str, **values: Any) -> dict[str, Any]:
    return {"when": [{"key": key, **values}]}


def as_policy(plane: Plane, action: str, *rules: Any, namespace: str = "foo", **more: Any) -> None:
    plane.cluster.access(namespace, action, *rules, **more)
    plane.settle()


def test_a_denial_in_its_own_words(plane: Plane) -> None:
    as_policy(plane, "DENY", {})
    [result] = plane.dial("naked", [http()])
    assert (result["code"], result["body"]) == (403, DENIED)
    assert result["answer"]["content-length"] == "19"
    assert "www-authenticate" not in result["answer"]


# Policies (action, rules) to the outcomes of / and /secret.
ORDER: dict[str, tuple[list[tuple[str, list[Any]]], tuple[int, int]]] = {
    "no policy": ([], (200, 200)),
    "nothing is allowed": ([("ALLOW", [])], (403, 403)),
    "everything is allowed": ([("ALLOW", [{}])], (200, 200)),
    "one thing is allowed": ([("ALLOW", [to(paths=["/secret"])])], (403, 200)),
    "either rule": ([("ALLOW", [to(paths=["/secret"]), to(paths=["/"])])], (200, 200)),
    "either policy": ([("ALLOW", [to(paths=["/secret"])]), ("ALLOW", [to(paths=["/"])])], (200, 200)),
    "nothing adds nothing": ([("ALLOW", []), ("ALLOW", [to(paths=["/"])])], (200, 403)),
    "everything is denied": ([("DENY", [{}])], (403, 403)),
    "a denial beats a permission": ([("ALLOW", [{}]), ("DENY", [to(paths=["/secret"])])], (200, 403)),
    "even a closer one": ([("ALLOW", [to(paths=["/secret"])]), ("DENY", [{}])], (403, 403)),
    "a remark is none": ([("AUDIT", [{}])], (200, 200)),
    "nobody to be asked": ([("CUSTOM", [to(paths=["/secret"])])], (200, 403)),
    "nor after a permission": ([("CUSTOM", [{}]), ("ALLOW", [{}])], (403, 403)),
}


@pytest.mark.parametrize("case", ORDER)
def test_custom_then_deny_then_allow(plane: Plane, case: str) -> None:
    policies, expected = ORDER[case]
    for number, (action, rules) in enumerate(policies):
        provider: Any = {"provider": {"name": "opa"}} if action == "CUSTOM" else {}
        plane.cluster.access("foo", action, *rules, name=f"p{number}", **provider)
    plane.settle()
    assert tuple(outcomes(plane, [http("/"), http("/secret")])) == expected


def test_custom_comes_before_tokens_and_denials_after_them(plane: Plane) -> None:
    plane.cluster.tokens("foo", Issuer().rule)
    as_policy(plane, "CUSTOM", to(paths=["/custom"]), name="custom", provider={"name": "opa"})
    as_policy(plane, "DENY", to(paths=["/deny"]), name="deny")
    paths = ("/custom", "/deny", "/other")
    assert outcomes(plane, [http(path, bearer("deadbeef")) for path in paths]) == [403, 401, 401]
    assert outcomes(plane, [http(path) for path in paths]) == [403, 403, 200]


# Rules of an ALLOW policy to (a client with the identity foo/client, one in plain text).
SOURCES: list[tuple[dict[str, Any], tuple[int, int]]] = [
    (source(principals=[CLIENT_ID]), (200, 403)),
    (source(principals=[f"spiffe://{CLIENT_ID}"]), (403, 403)),
    (source(principals=["*"]), (200, 403)),
    (source(principals=["cluster.local/ns/foo/*"]), (200, 403)),
    (source(principals=["*/sa/client"]), (200, 403)),
    (source(principals=["*/sa/client2"]), (403, 403)),
    (source(principals=["*.local/ns/foo/sa/client"]), (200, 403)),
    (source(principals=["*ocal/ns/foo/sa/client"]), (200, 403)),
    # A star elsewhere is a star, and a dot a dot.
    (source(principals=["cluster.local/*/client"]), (403, 403)),
    (source(principals=["*clusterxlocal/ns/foo/sa/client"]), (403, 403)),
    (source(notPrincipals=["*"]), (403, 200)),
    (source(notPrincipals=[CLIENT_ID]), (403, 200)),
    (source(notPrincipals=["cluster.local/ns/foo/sa/other"]), (200, 200)),
    (source(namespaces=["foo"]), (200, 403)),
    (source(namespaces=["fo"]), (403, 403)),
    (source(namespaces=["f*"]), (200, 403)),
    (source(namespaces=["*oo"]), (200, 403)),
    # A star is any text, also that of more than the namespace: `foo/sa/client` has a slash after `sa`.
    (source(namespaces=["*a"]), (200, 403)),
    (source(namespaces=["*b"]), (403, 403)),
    (source(namespaces=["b*", "*"]), (200, 403)),
    (source(notNamespaces=["foo"]), (403, 200)),
    (source(serviceAccounts=["client"]), (200, 403)),
    (source(serviceAccounts=["foo/client"]), (200, 403)),
    (source(serviceAccounts=["bar/client"]), (403, 403)),
    (source(serviceAccounts=["foo/clien"]), (403, 403)),
    (source(serviceAccounts=["foo/clien."]), (403, 403)),
    (source(notServiceAccounts=["client"]), (403, 200)),
    (source(trustDomains=["cluster.local"]), (200, 403)),
    (source(trustDomains=["cluster"]), (403, 403)),
    (source(trustDomains=["cluster*"]), (200, 403)),
    (source(ipBlocks=[CLIENT]), (200, 403)),
    (source(ipBlocks=["10.244.0.16/28"]), (200, 200)),
    (source(notIpBlocks=["10.244.0.16/29"]), (403, 200)),
    (source(remoteIpBlocks=[f"{NAKED}/32"]), (403, 200)),
    # All fields of a source, any source.
    (source(namespaces=["foo"], ipBlocks=[NAKED]), (403, 403)),
    ({"from": [{"source": {"namespaces": ["foo"]}}, {"source": {"ipBlocks": [NAKED]}}]}, (200, 200)),
    (when("source.principal", values=[CLIENT_ID]), (200, 403)),
    (when("source.namespace", values=["foo"]), (200, 403)),
    (when("source.namespace", notValues=["foo"]), (403, 200)),
    (when("source.serviceAccount", values=["client"]), (200, 403)),
    (when("source.trustDomain", values=["cluster.local"]), (200, 403)),
    (when("source.ip", values=[CLIENT], notValues=["10.244.0.22/32"]), (200, 403)),
    (when("remote.ip", notValues=[CLIENT]), (403, 200)),
    (when("destination.ip", values=[SERVER]), (200, 200)),
    (when("destination.ip", notValues=["10.244.0.0/24"]), (403, 403)),
    # The workload's port, not the Service's.
    (when("destination.port", values=["8080"]), (200, 200)),
    (when("destination.port", values=["8000"]), (403, 403)),
    (when("connection.sni", values=["outbound_.8000_._.server.foo.svc.cluster.local"]), (200, 403)),
    (when("connection.sni", values=["*.cluster.local"]), (200, 403)),
]


@pytest.fixture
def several(plane: Plane) -> Any:
    """Asks about many policies at once: each one is for a path of its own."""

    def ask(rules: list[dict[str, Any]], dials: Any) -> list[Any]:
        for number, rule in enumerate(rules):
            paths = [
                {"operation": {**part["operation"], "paths": [f"/{number}"]}} for part in rule.get("to", ())
            ]
            own = {**rule, "to": paths or [{"operation": {"paths": [f"/{number}"]}}]}
            plane.cluster.access("foo", "ALLOW", own, name=f"p{number}")
        plane.settle()
        return [
            outcomes(plane, [{**dial, "path": f"/{number}"} for number in range(len(rules))], pod)
            for pod, dial in dials
        ]

    return ask


def test_sources(several: Any) -> None:
    by_name = {"host": SERVER_IP, "port": 8000}
    dials = [("client", by_name), ("naked", by_name | {"host": SERVER, "port": 8080})]
    identified, plain = several([rule for rule, _ in SOURCES], dials)
    seen = dict(enumerate(zip(identified, plain, strict=True)))
    assert seen == dict(enumerate(expected for _, expected in SOURCES))


# Rules of an ALLOW policy to what becomes of tokens.
ISS = "issuer.example"
TOKENS: dict[str, dict[str, Any] | None] = {
    "none": None,
    "a": {"iss": ISS, "sub": "sub-1", "azp": "app", "aud": ["one", "two"], "groups": ["g1", "g2"]},
    "b": {"iss": "https://x/y", "sub": "u@example.com", "scope": "read write", "n": {"d": "deep", "no": 5}},
    "c": {"iss": ISS, "sub": None, "aud": "one", "custom": "p q"},
}
ABOUT_TOKENS: list[tuple[dict[str, Any], str]] = [
    (source(requestPrincipals=["*"]), "ab"),
    (source(notRequestPrincipals=["*"]), "none c"),
    (source(requestPrincipals=[f"{ISS}/sub-1"]), "a"),
    (source(requestPrincipals=[f"{ISS}/*"]), "a"),
    (source(requestPrincipals=[f"{ISS}/sub*"]), "a"),
    (source(requestPrincipals=["https://x/y/u@example.com"]), "b"),
    (source(requestPrincipals=["https://x/y/*"]), "b"),
    (source(requestPrincipals=["*/sub-1"]), "a"),
    (source(requestPrincipals=["*.example/sub-1"]), "a"),
    (source(requestPrincipals=["*@example.com"]), "b"),
    (source(requestPrincipals=["*example"]), ""),
    (source(requestPrincipals=["issuer*"]), "a"),
    (source(requestPrincipals=["https://x*"]), ""),
    (source(requestPrincipals=[ISS]), ""),
    (source(notRequestPrincipals=[f"{ISS}/sub-1"]), "none bc"),
    (when("request.auth.principal", values=[f"{ISS}/sub-1"]), "a"),
    (when("request.auth.audiences", values=["two", "three"]), "a"),
    (when("request.auth.audiences", values=["one"]), "ac"),
    (when("request.auth.audiences", notValues=["one"]), "none b"),
    (when("request.auth.presenter", values=["app"]), "a"),
    (when("request.auth.claims[groups]", values=["g2"]), "a"),
    (when("request.auth.claims[groups]", values=["g*"]), "a"),
    (when("request.auth.claims[groups]", notValues=["g1"]), "none bc"),
    (when("request.auth.claims[iss]", values=[ISS]), "ac"),
    (when("request.auth.claims[n][d]", values=["deep"]), "b"),
    (when("request.auth.claims[n][no]", values=["5", "5.000000"]), ""),
    (when("request.auth.claims[scope]", values=["write"]), "b"),
    (when("request.auth.claims[scope]", values=["read write"]), ""),
    (when("request.auth.claims[custom]", values=["q"]), "c"),
    (
        when("request.auth.claims[groups]", values=["g1"]) | source(requestPrincipals=["https://*"]),
        "",
    ),
]


def test_conditions_about_tokens(plane: Plane, several: Any) -> None:
    issuer = Issuer()
    rule = {"jwks": json.dumps(jwks([key()])), "spaceDelimitedClaims": ["custom"]}
    plane.cluster.tokens("foo", *({**rule, "issuer": name} for name in (ISS, "https://x/y")))
    headers = [bearer(issuer.token(**claims)) if claims else {} for claims in TOKENS.values()]
    dials = [("naked", http(headers=each)) for each in headers]
    columns = several([rule for rule, _ in ABOUT_TOKENS], dials)
    seen = []
    for row in zip(*columns, strict=True):
        passed = [name for name, code in zip(TOKENS, row, strict=True) if code == 200]
        seen.append(" ".join(["none"] * ("none" in passed) + ["".join(passed).removeprefix("none")]).strip())
    assert dict(enumerate(seen)) == dict(enumerate(expected for _, expected in ABOUT_TOKENS))


# Rules to (what is asked for, whether it is allowed).
OPERATIONS: list[tuple[dict[str, Any], list[tuple[dict[str, Any], bool]]]] = [
    (
        to(hosts=["A.example", "b.example:*", "*.suffix.example"]),
        [
            (http(headers={"host": "a.EXAMPLE"}), True),
            (http(headers={"host": "a.example:8080"}), False),
            (http(headers={"host": "b.example:8080"}), True),
            (http(headers={"host": "b.example"}), False),
            (http(headers={"host": "x.Suffix.example"}), True),
            (http(headers={"host": "suffix.example"}), False),
        ],
    ),
    (to(notHosts=["a.example"]), [(http(headers={"host": "A.example"}), False), (http(), True)]),
    (
        to(methods=["POST", "D*"]),
        [
            (http(), False),
            (http(method="POST"), True),
            (http(method="DELETE"), True),
        ],
    ),
    (to(methods=["get"]), [(http(), False)]),
    (to(notMethods=["GET"]), [(http(), False), (http(method="PUT"), True)]),
    (to(ports=["8080"]), [(http(), True), (http(port=9999), False)]),
    (to(notPorts=["8080"]), [(http(), False), (http(port=9999), True)]),
    (
        to(paths=["/ip", "/prefix*", "*.jpg"]),
        [
            (http("/ip"), True),
            (http("/ip?x=1"), True),
            (http("/ip/"), False),
            (http("/IP"), False),
            (http("/ip;a=b"), False),
            (http("/prefix"), True),
            (http("/prefix/more"), True),
            (http("/a/b.jpg"), True),
            (http("/a/b.jpg?c.png"), True),
            (http("/?x=/ip"), False),
        ],
    ),
    (to(paths=["*"]), [(http("/anything"), True)]),
    (to(notPaths=["/ip"]), [(http("/ip"), False), (http("/ip?x"), False), (http("/"), True)]),
    (to(paths=["/a/*/b"]), [(http("/a/x/b"), False), (http("/a/*/b"), True)]),
    # Fields of one operation together, operations one by one.
    (to(paths=["/a"], methods=["PUT"]), [(http("/a"), False), (http("/a", method="PUT"), True)]),
    (
        {"to": [{"operation": {"paths": ["/a"]}}, {"operation": {"methods": ["PUT"]}}]},
        [(http("/a"), True), (http("/b", method="PUT"), True), (http("/b"), False)],
    ),
    (
        when("request.headers[X-Who]", values=["me", "us*"]),
        [
            (http(headers={"x-who": "me"}), True),
            (http(headers={"X-WHO": "us all"}), True),
            (http(headers={"x-who": "ME"}), False),
            (http(), False),
        ],
    ),
    (when("request.headers[x-who]", values=["*"]), [(http(headers={"x-who": "x"}), True), (http(), False)]),
    (
        when("request.headers[x-who]", notValues=["me"]),
        [(http(headers={"x-who": "me"}), False), (http(headers={"x-who": "you"}), True), (http(), True)],
    ),
    (
        when("request.headers[x-who]", values=["m*"], notValues=["me"]),
        [(http(headers={"x-who": "me"}), False), (http(headers={"x-who": "my"}), True), (http(), False)],
    ),
]


@pytest.mark.parametrize("number", range(len(OPERATIONS)))
def test_operations(plane: Plane, number: int) -> None:
    rule, asked = OPERATIONS[number]
    as_policy(plane, "ALLOW", rule)
    seen = outcomes(plane, [dial for dial, _ in asked])
    assert seen == [200 if allowed else 403 for _, allowed in asked]


def test_path_templates(plane: Plane) -> None:
    as_policy(plane, "ALLOW", to(paths=["/allow/admin/{**}", "/foo/{*}/bar/{**}", "/store/{**}/cart"]))
    allowed = [
        "/allow/admin/",
        "/allow/admin/temp",
        "/allow/admin/foo/temp.txt",
        "/foo/buzz/bar/bat",
        "/foo/buzz/bar/bat/fuzz.txt",
        "/store//cart",
        "/store/foo/cart",
        "/store/foo/bar/cart",
    ]
    denied = [
        "/allow/admin",
        "/allow/admin?param=value",
        "/allow",
        "/foo/bar/bat.txt",
        "/foo//bar/bat.txt",
        "/store/cart",
    ]
    seen = outcomes(plane, [http(path) for path in allowed + denied])
    assert dict(zip(allowed + denied, seen, strict=True)) == dict.fromkeys(allowed, 200) | dict.fromkeys(
        denied, 403
    )


# What is asked for to what the policies and the application see: Istio's default, BASE.
NORMALISED = {
    "/app/../admin": "/admin",
    "/app//": "/app//",
    "/app/%2f": "/app/%2f",
    "/xyz%30..//abc": "/xyz0..//abc",
    "/app/%2E./admin": "/admin",
    "/app\\admin": "/app/admin",
    "/%2Fapp%5cadmin": "/%2Fapp%5cadmin",
    # Parameters do not hide a dot segment from this Envoy, as they did from those of earlier years.
    "/..;/x": "/x",
    "/.../x": "/.../x",
    "/%252e%252e/x": "/%252e%252e/x",
    "/Admin": "/Admin",
}


def test_paths_are_normalised_before_they_are_looked_at(plane: Plane) -> None:
    results = plane.dial("naked", [http(path) for path in NORMALISED])
    assert [result["path"] for result in results] == list(NORMALISED.values())
    as_policy(plane, "ALLOW", to(paths=["/admin", "/public*"]))
    expected = [200 if path == "/admin" else 403 for path in NORMALISED.values()]
    assert outcomes(plane, [http(path) for path in NORMALISED]) == expected
    assert outcomes(plane, [http("/public/%2e%2e/private")]) == [403]
    # A fragment is none of the server's business.
    assert outcomes(plane, [http("/admin#x"), http("/secret#/admin")]) in (
        [200, 403],
        ["not-http", "not-http"],
    )


# Policies (action, rules) to what becomes of a connection to the TCP port, from (client, naked).
TCP: dict[str, tuple[list[tuple[str, list[Any]]], tuple[str, str]]] = {
    "no policy": ([], ("ok", "ok")),
    "allowed by principal": ([("ALLOW", [source(principals=[CLIENT_ID])])], ("ok", "reset")),
    "allowed by port": ([("ALLOW", [to(ports=["9000"])])], ("ok", "ok")),
    "allowed by another port": ([("ALLOW", [to(ports=["9001"])])], ("reset", "reset")),
    "allowed by address": ([("ALLOW", [source(ipBlocks=[NAKED])])], ("reset", "ok")),
    "denied by namespace": ([("DENY", [source(namespaces=["foo"])])], ("reset", "ok")),
    "denied in plain text": ([("DENY", [source(notPrincipals=["*"])])], ("ok", "reset")),
    "an HTTP field allows nothing": ([("ALLOW", [to(methods=["GET"], ports=["9000"])])], ("reset", "reset")),
    "but does not spoil other rules": (
        ([("ALLOW", [to(paths=["/"]), to(ports=["9000"])])]),
        ("ok", "ok"),
    ),
    "an HTTP field denies everything": ([("DENY", [to(methods=["POST"])])], ("reset", "reset")),
    "or what else is said": ([("DENY", [to(methods=["POST"], ports=["9001"])])], ("ok", "ok")),
    "tokens do not exist": ([("DENY", [source(notRequestPrincipals=["*"])])], ("reset", "reset")),
    "nothing is allowed": ([("ALLOW", [])], ("reset", "reset")),
    "a remark is none": ([("AUDIT", [{}])], ("ok", "ok")),
    "nobody to be asked": ([("CUSTOM", [to(ports=["9000"])])], ("reset", "reset")),
}


@pytest.mark.parametrize("case", TCP)
def test_opaque_connections(plane: Plane, case: str) -> None:
    policies, expected = TCP[case]
    for number, (action, rules) in enumerate(policies):
        provider: Any = {"provider": {"name": "opa"}} if action == "CUSTOM" else {}
        plane.cluster.access("foo", action, *rules, name=f"p{number}", **provider)
    plane.settle()
    [identified] = plane.dial("client", [{"host": SERVER_IP, "port": 9000, "say": "raw"}])
    [plain] = plane.dial("naked", [{"host": SERVER, "port": 9000, "say": "raw"}])
    assert (identified["outcome"], plain["outcome"]) == expected


def test_a_dry_run_has_no_effect(plane: Plane) -> None:
    as_policy(plane, "DENY", {}, annotations={"istio.io/dry-run": "true"})
    assert outcomes(plane, [http()]) == [200]
    as_policy(plane, "DENY", {}, annotations={"istio.io/dry-run": "false"})
    assert outcomes(plane, [http()]) == [403]


def test_a_valid_token_is_demanded(plane: Plane) -> None:
    """The document's own two policies: for the whole workload, and for one path."""
    issuer = Issuer()
    plane.cluster.tokens("foo", issuer.rule)
    as_policy(plane, "DENY", source(notRequestPrincipals=["*"]))
    tokens: Any = ({}, bearer("deadbeef"), bearer(issuer.token()))
    assert outcomes(plane, [http("/headers", headers) for headers in tokens]) == [403, 401, 200]
    as_policy(plane, "DENY", source(notRequestPrincipals=["*"]) | to(paths=["/headers"]))
    assert outcomes(plane, [http("/headers", headers) for headers in tokens]) == [403, 401, 200]
    assert outcomes(plane, [http("/ip", headers) for headers in tokens]) == [200, 401, 200]
    plane.cluster.clear_policies()
    plane.settle()
    assert outcomes(plane, [http("/headers", headers) for headers in tokens]) == [200, 200, 200]


LONG = (
    "of-a-team-that-writes-its-whole-address-into-every-name-and-then-some-more-of-it-until-nobody-reads-it"
)


def test_a_denial_for_long_names_denies(plane: Plane) -> None:
    """An expression that is long for Envoy, which by itself takes programs of 100 at most."""
    as_policy(plane, "DENY", source(serviceAccounts=[f"foo/{LONG}"]), source(namespaces=["legacy*", "foo"]))
    by_name = http() | {"host": SERVER_IP, "port": 8000}
    assert outcomes(plane, [by_name], "client") == [403]
    assert outcomes(plane, [http()], "naked") == [200]
