"""What is put into the fields of odd objects, by the name of the field: sound values, and odd ones."""

from __future__ import annotations

import json
from typing import Any

from tests.mesh.issuer import ISSUER, key
from tools.tokens import jwks


def _lines(text: str, *more: str) -> tuple[str, ...]:
    """One value a line, which is easier to read than quotes and commas; and those that are no line."""
    return (*(line.strip() for line in text.strip().splitlines()), *more)


def _for(names: str, *values: Any) -> dict[str, tuple[Any, ...]]:
    return dict.fromkeys(names.split(), values)


HOSTS = _lines(
    """
    httpbin
    httpbin.foo
    httpbin.foo.svc.cluster.local
    *.foo.svc.cluster.local
    *
    a-b.example
    *.example.com
    EXAMPLE.com
    10.96.0.11
    xn--bcher-kva.example
    nobody.foo.svc.cluster.local
    foo/httpbin.foo
    ./*.example.com
    */*
    *-b.example
    a.*.example
    a_b.example
    a..example
    example.com.
    a.123
    fd00::1
    outbound_.80_._.httpbin.foo
    .
    -a.example
""",
    "",
    "a" * 64 + ".example",
    "a" * 63,
    ".".join(["a" * 50] * 6),
)

REGEXES = _lines(
    r"""
    .*
    /a.+
    (?=a)b
    (
    a{1000}
    a{1001}
    (a{100}){100}
    \C
    \pN
    [[:alpha:]]
    é+
    (?i)a
    \x{10FFFF}
    a**
    ^$
    [^/]+\.(png|jpg)
    (?P<x>a)
    (?<x>a)
    a|
    \d{1,3}
    x{2,1}
    [z-a]
    \
    *
    [a
    a)
    \Qa\E
    \z
    \Z
    (?s:.)
    (?U)a+
    \1
    (a{1,100}){1,100}
""",
    "",
    "a" * 300,
    "a" * 1024,
    "a" * 1025,
    "é" * 513,
)

TEXTS = _lines(
    r"""
    a
    x-odd
    A b
    %
    %REQ(x)%
    %%
    a%b
    100%
    %START_TIME(%s)%
    %REQ(["a"])%
    %REQ(["a")%
    é
    *
    a*
    *a
    "
    \
    {}
    $
    :path
    :authority
    Host
    host
    content-length
    true
    0
    a,b
    /
    a/b
    a.b
    a_b
    @request.auth.claims.groups
""",
    "",
    "\t",
    "a\nb",
    "\x00",
    "\x7f",
    " ",
    "x" * 300,
)

PATHS = _lines(
    """
    /
    /a
    /a*
    */a
    *
    /{*}
    /{**}
    /a/{*}/b
    /{**}/b
    /a/{**}
    /{*}.js
    {*}
    {**}
    //{*}
    /{*}/
    /{**}/{*}
    /{*}/{**}
    /a%2Fb
    /é
    /é/{*}
    a
    /a?b
    /a#b
    /a?b/{*}
    //a
    /..
    /a/./b
    /{
    /{a}
    /{a=*}
    /*/b
    /*/{*}
    /a,b
    /a,b/{*}
""",
    "",
    "/ ",
    "/" + "x" * 256 + "/{*}",
)

CIDRS = _lines(
    """
    10.0.0.0/8
    10.244.0.21
    0.0.0.0/0
    ::1
    fd00::/8
    10.0.0.1/33
    1.2.3
    10.0.0.1/8
    10.0.0.1/08
    01.2.3.4
    1.2.3.4/
    1.2.3.4/255.0.0.0
    ::ffff:1.2.3.4
    fe80::1%eth0
    fe80::1%eth0/64
    ::/129
    1.2.3.4/-1
    1.2.3.4/+8
    *
""",
    "",
    " 1.2.3.4",
)

IDENTITIES = (
    "*",
    "cluster.local/ns/foo/sa/httpbin",
    "foo",
    "foo/httpbin",
    "a/b/c",
    "/a",
    "a/",
    "*/sa/x",
    "cluster.local/*",
    "clu*.local",
    "",
    "a" * 321,
    "a" * 600,
)
DURATIONS = _lines(
    """
    1s
    5s
    0s
    1ms
    -1s
    1h
    100000h
    0.5s
    1ns
    1h1m1s
    1us
    1.5ms
    0.001s
    0.0001s
    1s1ms
    +1s
    1
    .5s
    1.s
    1d
    1µs
    1 s
    x
    315576000001s
    2562047h
    2562048h
    9223372036s
    9223372037s
""",
    "",
    "0",
)
WHEN_KEYS = _lines(
    """
    request.headers[x-odd]
    request.headers[:path]
    request.headers[X Y]
    request.headers
    request.headers[]
    request.headers[a][b]
    request.headersx[a]
    source.ip
    remote.ip
    source.namespace
    source.principal
    source.trustDomain
    source.user
    request.auth.principal
    request.auth.audiences
    request.auth.claims[a]
    request.auth.claims[a][b]
    request.auth.claims[a]b
    request.auth.claims[a[b]
    request.auth.presenter
    request.auth.x
    destination.ip
    destination.port
    destination.name
    destination.user
    destination.namespace
    destination.labels[a]
    connection.sni
    experimental.envoy.filters.x[y]
    experimental.envoy.filters.x
    source.serviceAccount
""",
    "",
    " source.ip",
)
PORTS = (
    "80",
    "8080",
    "0",
    "65535",
    "65536",
    "http",
    "-1",
    "*",
    "+80",
    "080",
    "8_0",
    "٨",
    "4294967296",
    "",
    " 80",
)
METHODS = ("GET", "POST", "*", "get", "P*", "*T", "")
HEADER_NAMES = _lines(
    """
    x-odd
    X-Odd
    :path
    :authority
    :x
    Host
    a b
    a:b
    é
    a_b
    a.b
    @request.auth.claims.groups
    @request.auth.claims[a][b]
    @request.auth.claims
    @request.auth.claims.
    @request.auth.claims[]
    @Request.Auth.Claims.a
""",
    "",
    "a\n",
    "x" * 300,
)
PROTOCOLS = _lines(
    """
    HTTP
    HTTPS
    HTTP2
    GRPC
    TCP
    TLS
    http
    GRPC-Web
    HTTP_PROXY
    UDP
    MONGO
    mysql
    REDIS
    SMTP
    DoubleHBONE
    HTTP3
""",
    "",
)
LABELS = _lines(
    """
    a
    v1
    A-b_c.d
    -a
    a/b/c
    a.b/c
    a b
    /a
    a/
    *
""",
    "",
    "a" * 64,
    "a" * 254 + "/b",
)
LOCALITIES = (
    "region1",
    "region1/zone1/*",
    "region1/zone1/sub1",
    "region1/*",
    "*",
    "region1//a",
    "a*b",
    "",
    "r/z/s/x",
)
SELECTED: tuple[dict[str, str], ...] = (
    {"app": "httpbin"},
    {"istio": "ingressgateway"},
    {"app": "nobody"},
)
ODDLY_SELECTED: tuple[dict[str, str], ...] = (
    {},
    {"a": "*"},
    {"*": "a"},
    {"": "a"},
    {"a": ""},
    {"a b": "c d"},
)

KEY = jwks([key()])["keys"][0]
POINT = {
    "crv": "P-256",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
}
KEY_SETS: tuple[Any, ...] = (
    {"keys": [KEY]},
    {"keys": []},
    {"keys": [{}]},
    {"keys": [{"kty": "XYZ"}]},
    {"keys": [{"kty": 1}]},
    {"keys": [{"kty": "RSA"}]},
    {"keys": [{"kty": "RSA", "n": "AQAB"}]},
    {"keys": [{"kty": "RSA", "n": "!", "e": "AQAB"}]},
    {"keys": [{"kty": "RSA", "n": "", "e": "AQAB"}]},
    {"keys": [KEY | {"kid": 1}]},
    {"keys": [KEY | {"alg": "x"}]},
    {"keys": [KEY | {"alg": 1}]},
    {"keys": [KEY | {"use": "enc"}]},
    {"keys": [KEY | {"key_ops": "verify"}]},
    {"keys": [KEY | {"n": KEY["n"] + "="}]},
    {"keys": [KEY | {"e": 65537}]},
    {"keys": [KEY, KEY]},
    {"keys": [{"kty": "oct", "k": "AAAA"}]},
    {"keys": [{"kty": "oct"}]},
    {"keys": [{"kty": "oct", "k": ""}]},
    {"keys": [{"kty": "EC", **POINT}]},
    {"keys": [{"kty": "EC", **POINT, "crv": "P-999"}]},
    {"keys": [{"kty": "EC", **POINT, "x": "AAAA"}]},
    {"keys": [{"kty": "EC", "x": POINT["x"], "y": POINT["y"]}]},
    {"keys": [{"kty": "EC", "crv": "P-256"}]},
    {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": POINT["x"]}]},
    {"keys": [{"kty": "OKP", "crv": "Ed25519"}]},
    {"keys": [{"kty": "OKP", "x": POINT["x"]}]},
    {"keys": [1]},
    {"keys": None},
    {"keys": {}},
    {"keys": "x"},
    {"keys": [None]},
    {},
    [],
    1,
    "x",
    None,
    KEY,
    {"kty": "XYZ"},
    {"kty": "RSA"},
    {"Keys": [KEY]},
    [KEY],
)
JWKS = (*map(json.dumps, KEY_SETS), "", "deadbeef", "{", "{}x", '{"keys":[]}{}', " ", "[" * 100)
JWKS_URIS = _lines(
    """
    https://issuer.example/keys
    http://httpbin.legacy:8000/base64/e30=
    https://[::1]:8443/keys?x=y
    http://
    http://x:99999/
    http://x:/
    http://x:0/
    http://x:-1/
    http://x:http/
    http://[/
    http://a b/
    http://a/b c
    http://a%zz/
    http://%41/
    http://a/%zz
    HTTP://x/
    ftp://x/
    x
    /keys
    http:x
    https:///keys
    http://user:pass@x/
    http://us er@x/
    http://x/#y
    http://é/
    http://a_b/
    http://[fe80::1%25eth0]/
    http://[fe80::1%eth0]/
    https://x?a b
    ://x
""",
    "http://x/\n",
    "http://x/\x7f",
    " http://x/",
)

# By the name of a field: what is put into it, besides what may stand in any field. The first are sound.
NAMED: dict[str, tuple[Any, ...]] = {
    **_for("host hosts hostname hostnames notHosts authority sniHosts targetHost", *HOSTS),
    **_for("regex safeRegex match", *REGEXES),
    **_for("path paths notPaths uri exact prefix replaceFullPath", *PATHS),
    **_for("replacePrefixMatch rewrite prefixRewrite", *PATHS),
    **_for("ipBlocks notIpBlocks remoteIpBlocks notRemoteIpBlocks destinationSubnets sourceSubnet", *CIDRS),
    **_for("principals notPrincipals requestPrincipals namespaces trustDomains notTrustDomains", *IDENTITIES),
    **_for(
        "serviceAccounts notServiceAccounts subjectAltNames notNamespaces notRequestPrincipals", *IDENTITIES
    ),
    **_for(
        "timeout perTryTimeout request backendRequest fixedDelay exponentialDelay ttl backoff", *DURATIONS
    ),
    **_for("connectTimeout idleTimeout maxAge interval baseEjectionTime time duration", *DURATIONS),
    **_for("maxConnectionDuration budgetInterval warmupDurationSecs", *DURATIONS),
    "key": WHEN_KEYS,
    **_for("ports notPorts", *PORTS),
    **_for("methods notMethods method allowMethods", *METHODS),
    "issuer": (ISSUER, "other", "*", "", "a" * 300),
    "jwks": JWKS,
    **_for("jwksUri jwks_uri", *JWKS_URIS),
    "gateways": (
        "istio-system/gw",
        "mesh",
        "gw",
        "gw.foo",
        "foo/",
        "/gw",
        "A/gw",
        "foo/a.b",
        "a_b",
        "",
        "a/b/c",
    ),
    "gatewayClassName": ("istio",),
    "scheme": ("http", "https", "ftp", ""),
    "value": (*PATHS, *REGEXES[:4]),
    "protocol": PROTOCOLS,
    "name": ("httpbin", "http", "x-odd", "X-Odd", ":path", "a b", "a.b", "", "v1"),
    "subset": ("v1", "v2", "A", "a.b", "a_b", "", "-", "a" * 64),
    "type": ("Exact", "PathPrefix", "RegularExpression"),
    "bind": ("0.0.0.0", "::", "unix:///run/a", "unix://@a", "unix://", "unix://a/", "x", "1.2.3", ""),
    "exportTo": (".", "*", "foo", "~", "bar", "a.b", "A", ""),
    "retryOn": (
        "5xx",
        "reset,503",
        "connect-failure,refused-stream",
        "x",
        "5xx, reset",
        "418",
        "600",
        "-1",
        ",",
        "",
    ),
    "grpcStatus": ("NOT_FOUND", "OK", "not_found", "5", "X", ""),
    "bytes": ("YQ==", "a", "YQ", "-_==", "", "YQ==\n", "é"),
    "from": LOCALITIES,
    "failoverPriority": ("topology.kubernetes.io/region", "topology.istio.io/subzone", "a", "a=b", ""),
    "credentialName": (
        "gw-cert",
        "configmap://ca",
        "configmap://foo/ca",
        "configmap://bar/ca",
        "",
        "configmap://",
    ),
    "cipherSuites": ("ECDHE-RSA-AES128-GCM-SHA256", "ALL", "x", "", "-x"),
    **_for("header headerName outputPayloadToHeader httpHeaderName", *HEADER_NAMES),
    **_for("remove allowHeaders exposeHeaders", *HEADER_NAMES),
    "sourceNamespace": ("foo", "A", "a.b", "", "a" * 64),
    "group": ("gateway.networking.k8s.io", "", "networking.istio.io", "x", "core"),
    "kind": ("Gateway", "Service", "ServiceEntry", "GatewayClass", "Pod", ""),
}
KEYED: dict[str, tuple[str, ...]] = {
    "portLevelMtls": PORTS,
    **_for("headers withoutHeaders set add", *HEADER_NAMES),
    **_for("labels sourceLabels selector", *LABELS),
    "to": LOCALITIES,
}
"""Likewise, of the keys of maps."""

SOUND_TEXTS = 2
"""How many of each of these are sound: the first, but for the following."""

SOUND: dict[str, tuple[Any, ...]] = {
    **_for("labels sourceLabels selector matchLabels", "app", "version"),
    **_for("value string", "a", "x-odd"),
    **_for("number port targetPort", 80, 8080),
    "weight": (50, 100),
    "status": (200, 404),
    "httpStatus": (503, 404),
    "redirectCode": (301, 308),
    "attempts": (1, 3),
    "mode": ("SIMPLE", "STRICT", "PASSTHROUGH", "MUTUAL"),
    "action": ("ALLOW", "DENY"),
    "hosts": ("*.example.com", "a.example", "*"),
    "sniHosts": ("a.example",),
    "sourceNamespace": ("foo",),
    "exportTo": (".",),
    **_for("trustDomains notTrustDomains", "cluster.local", "*"),
    **_for("serviceAccounts notServiceAccounts", "foo/httpbin", "httpbin"),
    "maxAge": ("1s", "1h"),
    "protocol": ("HTTP", "HTTPS", "TCP"),
    "key": ("request.headers[x-odd]", "source.ip", "request.auth.claims[a]"),
    "group": ("gateway.networking.k8s.io",),
    "kind": ("Gateway",),
    "values": ("10.0.0.0/8", "10.244.0.21"),
    "notValues": ("10.0.0.0/8",),
    **_for("maxEjectionPercent minHealthPercent mirrorPercent percent", 0, 50, 100),
    **_for("gateways", "istio-system/gw", "foo/gw"),
    "targetHost": ("a.example",),
    "tableSize": (65537,),
    "to": ("region1", "region2"),
}
"""By field, or map."""
UNSOUND = frozenset(
    """
    targetPort namespace provider http2Error exponentialDelay mirror_percent consecutiveErrors delegate
    consecutiveLocalOriginFailures distribute uriRegexRewrite sourceSubnet caCrl tunnel
    """.split()  # noqa: SIM905 - easier to read
)
"""Fields with which an object is seldom sound."""
EXCLUSIVE = (
    ("selector", "targetRef", "targetRefs"),
    ("jwks", "jwksUri", "jwks_uri"),
    ("serviceAccounts", "notServiceAccounts", "principals", "notPrincipals", "namespaces", "notNamespaces"),
    ("route", "redirect", "directResponse"),
    ("credentialName", "credentialNames", "tlsCertificates", "serverCertificate"),
    ("mirror", "mirrors"),
    ("rewrite", "redirect"),
    ("localityLbSetting", "zoneAwareLbSetting"),
    ("proxyProtocol", "tunnel"),
    ("tls", "tcp", "http"),
)
"""Fields of which a sound object has one."""
