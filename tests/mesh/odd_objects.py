"""Objects of every kind that users declare, with values that are odd on purpose, from a seed."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping
from typing import Any

from tests.mesh.issuer import ISSUER, key
from tools.tokens import jwks

Schema = Mapping[str, Any]

DEPTH = 12
OFTEN = 0.93

HOSTS: tuple[str, ...] = (
    "httpbin",
    "httpbin.foo",
    "httpbin.foo.svc.cluster.local",
    "*.foo.svc.cluster.local",
    "*",
    "a-b.example",
)
HOSTS += (
    "*.example.com",
    "EXAMPLE.com",
    "10.96.0.11",
    "xn--bcher-kva.example",
    "nobody.foo.svc.cluster.local",
)
REGEXES: tuple[str, ...] = (
    ".*",
    "/a.+",
    "(?=a)b",
    "(",
    "a{1000}",
    "(a{100}){100}",
    r"\C",
    r"\pN",
    "[[:alpha:]]",
    "é+",
    "a" * 300,
)
REGEXES += (
    "(?i)a",
    r"\x{10FFFF}",
    "a**",
    "^$",
    "",
    r"[^/]+\.(png|jpg)",
    "(?P<x>a)",
    "a|",
    r"\d{1,3}",
    "x{2,1}",
)
TEXTS: tuple[str, ...] = (
    "a",
    "x-odd",
    "A b",
    "%",
    "%REQ(x)%",
    "%%",
    "a%b",
    "é",
    "",
    "*",
    "a*",
    "*a",
    "\t",
    "a\nb",
    "\x00",
    '"',
    "\\",
)
TEXTS += (
    "{}",
    "$",
    ":path",
    ":authority",
    "Host",
    "host",
    "content-length",
    "x" * 300,
    "true",
    "0",
    "a,b",
    "/",
)
PATHS: tuple[str, ...] = (
    "/",
    "/a",
    "/a*",
    "*/a",
    "/{*}",
    "/{**}",
    "/a/{*}/b",
    "/{**}/b",
    "/a/{**}",
    "/{*}.js",
    "/a%2Fb",
    "/é",
    "a",
)
PATHS += ("/a?b", "/a#b", "//a", "/..", "/a/./b", "/{", "/{a}", "/{a=*}", "/*/b", "/ ", "/a,b")
CIDRS: tuple[str, ...] = (
    "10.0.0.0/8",
    "10.244.0.21",
    "0.0.0.0/0",
    "::1",
    "fd00::/8",
    "10.0.0.1/33",
    "1.2.3",
    "10.0.0.1/8",
    "*",
)
IDENTITIES: tuple[str, ...] = (
    "*",
    "cluster.local/ns/foo/sa/httpbin",
    "foo",
    "foo/httpbin",
    "*/sa/x",
    "cluster.local/*",
    "a" * 600,
)
DURATIONS: tuple[str, ...] = (
    "0s",
    "1s",
    "1ms",
    "-1s",
    "1h",
    "100000h",
    "0.5s",
    "1ns",
    "1h1m1s",
    "1us",
    "x",
    "315576000001s",
    "2562047h",
    "2562048h",
)
WHEN_KEYS: tuple[str, ...] = (
    "request.headers[x-odd]",
    "request.headers[:path]",
    "request.headers[X Y]",
    "source.ip",
    "remote.ip",
)
WHEN_KEYS += ("source.namespace", "source.principal", "request.auth.principal", "request.auth.audiences")
WHEN_KEYS += (
    "request.auth.claims[a]",
    "request.auth.claims[a][b]",
    "request.auth.presenter",
    "destination.ip",
)
WHEN_KEYS += (
    "destination.port",
    "connection.sni",
    "experimental.envoy.filters.x[y]",
    "source.serviceAccount",
)
PORTS: tuple[str, ...] = ("80", "8080", "0", "65535", "65536", "http", "-1", "*")
METHODS: tuple[str, ...] = ("GET", "*", "get", "P*", "*T", "")
SELECTED = ({"app": "httpbin"}, {"istio": "ingressgateway"}, {"app": "nobody"})

# By the name of a field: what is put into it, besides what may stand in any field.
NAMED: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("host", "hosts", "hostname", "hostnames", "notHosts", "authority"), HOSTS),
    **dict.fromkeys(("regex", "safeRegex", "match"), REGEXES),
    **dict.fromkeys(("path", "paths", "notPaths", "uri", "exact", "prefix", "replaceFullPath"), PATHS),
    **dict.fromkeys(("replacePrefixMatch", "rewrite"), PATHS),
    **dict.fromkeys(("ipBlocks", "notIpBlocks", "remoteIpBlocks", "notRemoteIpBlocks"), CIDRS),
    **dict.fromkeys(("principals", "notPrincipals", "requestPrincipals", "namespaces"), IDENTITIES),
    **dict.fromkeys(
        ("serviceAccounts", "notServiceAccounts", "subjectAltNames", "notNamespaces"), IDENTITIES
    ),
    **dict.fromkeys(
        ("timeout", "perTryTimeout", "request", "backendRequest", "fixedDelay", "ttl"), DURATIONS
    ),
    **dict.fromkeys(("connectTimeout", "idleTimeout", "maxAge", "interval", "baseEjectionTime"), DURATIONS),
    "key": WHEN_KEYS,
    **dict.fromkeys(("ports", "notPorts"), PORTS),
    **dict.fromkeys(("methods", "notMethods", "method"), METHODS),
    "issuer": (ISSUER, "other", "*", "a" * 300),
    "jwks": (json.dumps(jwks([key()])),),
    "gateways": ("istio-system/gw", "mesh", "gw"),
    "gatewayClassName": ("istio",),
    "scheme": ("http", "https"),
    "value": (*PATHS, *REGEXES[:4]),
    "protocol": ("HTTP", "HTTP", "HTTP2", "GRPC", "HTTPS", "TCP"),
    "name": ("httpbin", "http", "x-odd", "X-Odd", ":path", "a b"),
    "type": ("Exact", "PathPrefix", "RegularExpression"),
}
SELDOM_LEFT_OUT = frozenset(
    (
        "servers",
        "port",
        "hosts",
        "http",
        "gateways",
        "route",
        "rules",
        "jwtRules",
        "jwks",
        "issuer",
        "host",
        "trafficPolicy",
    )
) | frozenset(
    (
        "matches",
        "backendRefs",
        "destination",
        "number",
        "name",
        "protocol",
        "hostnames",
        "path",
        "match",
        "uri",
        "regex",
    )
)
"""Fields without which there is little to configure, or which admission demands beyond their schema."""

LEFT_OUT = frozenset(("targetRefs", "targetRef", "jwksUri", "jwks_uri", "tcp", "tls", "credentialName"))
"""Fields that lead away from what is looked at here."""


class Odd:
    """Generates values for schemas of resource definitions."""

    def __init__(self, random_: random.Random) -> None:
        self._random = random_

    def spec(self, schema: Schema) -> Any:
        """One that a definition may take; what admission says of it is another matter."""
        return self._value(schema, "spec", DEPTH)

    def _value(self, schema: Schema, name: str, depth: int) -> Any:
        pick = self._random
        if "enum" in schema:
            return pick.choice(schema["enum"])
        kind = schema.get("type")
        if kind == "object":
            return self._object(schema, name, depth)
        if kind == "array":
            count = pick.choice((1, 1, 1, 2, 3))
            return [self._value(schema["items"], name, depth - 1) for _ in range(count)]
        if kind == "boolean":
            return pick.random() < 0.5
        if kind in ("integer", "number"):
            low, high = schema.get("minimum", 0), schema.get("maximum", 1 << 16)
            return pick.choice((low, high, *(n for n in (1, 80, 200, 302, 503, 8000) if low <= n <= high)))
        pool = NAMED.get(name, TEXTS) if pick.random() < OFTEN else TEXTS
        pattern = schema.get("pattern", "")
        return pick.choice([text for text in pool if re.search(pattern, text)] or pool)

    def _object(self, schema: Schema, name: str, depth: int) -> Any:
        pick = self._random
        if name == "matchLabels":
            return dict(pick.choice(SELECTED))
        if more := schema.get("additionalProperties"):
            inner = "value" if name != "portLevelMtls" else name
            keys = PORTS if name == "portLevelMtls" else TEXTS
            return {
                pick.choice(keys): self._value(more, inner, depth - 1) for _ in range(pick.choice((1, 2)))
            }
        properties: Mapping[str, Schema] = schema.get("properties", {})
        alternatives = _alternatives(schema)
        chosen = set(schema.get("required", ()))
        if alternatives:
            chosen.add(pick.choice(alternatives))
        chosen |= {
            name
            for name in sorted(SELDOM_LEFT_OUT & properties.keys() - set(alternatives))
            if depth > 0 and pick.random() < OFTEN
        }
        free = sorted(properties.keys() - chosen - set(alternatives))
        if depth > 0 and free:
            chosen |= set(pick.sample(free, min(len(free), pick.choice((0, 1, 1, 2, 2, 3)))))
        chosen -= LEFT_OUT
        return {field: self._value(properties[field], field, depth - 1) for field in sorted(chosen)}


def _alternatives(schema: Schema) -> list[str]:
    """The fields of which a schema takes at most one."""
    branches = schema.get("oneOf", ())
    return sorted({field for branch in branches for field in branch.get("required", ())})
