"""What generated policies say: names and values that matter in the playground, and some that miss it.

`{foo/sleep}` stands for the address of a pod.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.compare.behaviour.identities import ALICES, BOBS

ROOT = "istio-system"
NAMESPACES = ("foo",) * 6 + (ROOT,) * 3 + ("bar", "legacy")
SELECTORS: tuple[Mapping[str, str], ...] = (
    {"app": "httpbin"},
    {"app": "httpbin"},
    {"app": "other"},
    {"version": "v1"},
    {"app": "httpbin", "version": "v1"},
    {"app": "httpbin", "version": "v2"},
    {"tier": "back"},
    {"app": "sleep"},
)
GATEWAY = {"istio": "ingressgateway"}
REFERENCES: tuple[Mapping[str, str], ...] = (
    {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "compare"},
    {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "compare"},
    {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "another"},
    {"group": "", "kind": "Service", "name": "httpbin"},
)

PATHS = (
    "/anything/a",
    "/anything/t",
    "/anything/*",
    "/*",
    "*",
    "/anything/a*",
    "*/a",
    "*.html",
    "/anything/a/b",
    "/Anything/A",
    "/anything//a",
    "/anything/a%2fb",
    "/anything/{*}",
    "/anything/{*}/b",
    "/anything/{**}",
    "/{**}/c.html",
    "/{*}/a/{**}",
    "/",
    "/status/200",
    "/anything/a/",
    "/anything/t*",
    "*t",
    "/{*}/{*}",
    "/anything/{*}/{**}",
)
METHODS = ("GET", "POST", "HEAD", "DELETE", "PATCH", "*", "P*", "*T", "get")
HOSTS = (
    "httpbin.foo:8000",
    "httpbin.foo",
    "httpbin.foo:*",
    "*",
    "httpbin*",
    "HTTPBIN.FOO:8000",
    "*.example.com",
    "www.example.com",
    "other.foo.svc.cluster.local:8000",
    "*:8000",
    "*.svc.cluster.local:8000",
)
PORTS = ("8080", "8000", "9090", "7070", "80", "9000")
PRINCIPALS = (
    "cluster.local/ns/foo/sa/sleep",
    "cluster.local/ns/bar/sa/sleep",
    "*",
    "*/sa/sleep",
    "cluster.local/ns/foo/*",
    "cluster.local/*",
    "*sleep",
    "cluster.local/ns/istio-system/sa/istio-ingressgateway-service-account",
    "spiffe://cluster.local/ns/foo/sa/sleep",
    "td.example/ns/foo/sa/sleep",
    "cluster.local/ns/foo/sa/slee",
    "*cluster.local/ns/foo/sa/sleep",
)
PEER_NAMESPACES = ("foo", "bar", "legacy", "istio-system", "*", "f*", "*r", "*o", "b*", "fo", "*a", "*e*")
SERVICE_ACCOUNTS = (
    "sleep",
    "foo/sleep",
    "bar/sleep",
    "httpbin",
    "istio-system/istio-ingressgateway-service-account",
)
TRUST_DOMAINS = ("cluster.local", "*", "cluster.*", "*.local", "td.example", "*al", "clu")
BLOCKS = (
    "10.244.0.0/16",
    "{foo/sleep}",
    "{foo/sleep}/32",
    "{legacy/sleep}",
    "{bar/sleep}/32",
    "{foo/httpbin}",
    "127.0.0.0/8",
    "0.0.0.0/0",
    "192.0.2.0/24",
    "::/0",
)
REQUEST_PRINCIPALS = (
    f"{ALICES}/alice",
    f"{BOBS}/bob",
    "*",
    f"{ALICES}/*",
    f"{ALICES}/al*",
    "*/alice",
    "*bob",
    "*.com/alice",
    f"{ALICES}*",
    "issuer-b*",
    f"{ALICES}/carol/x",
    "alice",
    "*/*",
)
TEXTS = (
    "dev",
    "ops",
    "d*",
    "*s",
    "*",
    "read",
    "write",
    "read write",
    "editor",
    "viewer",
    "alice",
    "api",
    "3",
    "true",
    "blue",
)
CLAIMS = (
    "groups",
    "groups",
    "scope",
    "iss",
    "sub",
    "aud",
    "level",
    "admin",
    "nested][role",
    "nested][roles",
    "nested",
    "tenant.name",
    "permissions",
    "absent",
)
CONDITIONS: tuple[tuple[str, Sequence[str]], ...] = (
    ("source.ip", BLOCKS),
    ("remote.ip", BLOCKS),
    ("source.namespace", PEER_NAMESPACES),
    ("source.principal", PRINCIPALS),
    ("source.serviceAccount", SERVICE_ACCOUNTS),
    ("source.trustDomain", TRUST_DOMAINS),
    ("request.auth.principal", REQUEST_PRINCIPALS),
    ("request.auth.audiences", ("api", "web", "a*", "*", "none")),
    ("request.auth.presenter", ("portal", "desk", "*", "p*")),
    ("destination.ip", BLOCKS),
    ("destination.port", PORTS),
    (
        "connection.sni",
        (
            "*",
            "outbound_.8000_._.httpbin.foo.svc.cluster.local",
            "*.httpbin.foo.svc.cluster.local",
            "outbound*",
        ),
    ),
    ("request.headers[x-team]", ("blue", "bl*", "*ue", "*", "BLUE", "blueish")),
    ("request.headers[:method]", ("GET", "P*")),
    ("request.headers[:authority]", ("httpbin.foo:8000", "*.com", "www*")),
    ("request.headers[X-Team]", ("blue", "*")),
    ("request.headers[x-forwarded-client-cert]", ("*", "*sleep")),
    ("request.headers[x-user]", ("mallory", "*")),
    ("experimental.envoy.filters.http.jwt_authn[payload]", ("*",)),
    ("request.headers[authorization]", ("Bearer *", "*", "Basic YTpi")),
    *((f"request.auth.claims[{claim}]", TEXTS) for claim in CLAIMS),
)
SOURCES: Mapping[str, Sequence[str]] = {
    "principals": PRINCIPALS,
    "requestPrincipals": REQUEST_PRINCIPALS,
    "namespaces": PEER_NAMESPACES,
    "serviceAccounts": SERVICE_ACCOUNTS,
    "trustDomains": TRUST_DOMAINS,
    "ipBlocks": BLOCKS,
    "remoteIpBlocks": BLOCKS,
}
OPERATIONS: Mapping[str, Sequence[str]] = {"paths": PATHS, "methods": METHODS, "hosts": HOSTS, "ports": PORTS}
ACTIONS = ("ALLOW",) * 5 + ("DENY",) * 5 + ("AUDIT",)
MODES = ("STRICT", "STRICT", "PERMISSIVE", "DISABLE", "UNSET")
POD_PORTS = (8080, 9090, 7070, 8000, 9000)
RULE_HOSTS = (
    "httpbin",
    "httpbin",
    "httpbin.foo.svc.cluster.local",
    "httpbin.foo.svc.cluster.local",
    "httpbin.bar.svc.cluster.local",
    "httpbin.legacy.svc.cluster.local",
    "other.foo.svc.cluster.local",
    "other",
    "*.foo.svc.cluster.local",
    "*.svc.cluster.local",
    "*.local",
    "*",
)
EXPORTS = (["*"], ["."], ["foo"], ["bar", "legacy"], ["istio-system"])
