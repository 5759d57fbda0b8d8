"""Documents that Istio takes with warnings, or just without, and the warnings in its order."""

from __future__ import annotations

import base64
import json
from typing import Any

from tests.mesh.issuer import ISSUER, key
from tools.tokens import jwks

Document = tuple[str, dict[str, Any], list[str]]
"""A kind, the `spec` of an object of that kind, and what is said about it."""

ON = {"matchLabels": {"app": "a"}}
NO_LABELS = "workload selector specified without labels"


def tokens(*keys: Any, **spec: Any) -> dict[str, Any]:
    rules = [{"issuer": f"{ISSUER}-{number}", "jwks": text} for number, text in enumerate(keys)]
    return {"jwtRules": rules, **spec}


PUBLIC = json.dumps(jwks([key()]))
PRIVATE = json.dumps({"keys": [json.loads(key().export_public()), json.loads(key().export_private())]})
SECRET = json.dumps({"keys": [{"kty": "oct", "k": "c2VjcmV0"}]})
ALONE = key().export_private()


def private(number: int) -> str:
    return (
        f"jwks key at index {number} contains private key material; "
        "only public keys are used for verification"
    )


DENIES_TCP = (
    "configured AuthorizationPolicy will deny all traffic to TCP ports under its scope due to the use of "
    "only HTTP attributes in a DENY rule; it is recommended to explicitly specify the port"
)


def sources(**source: Any) -> dict[str, Any]:
    return {"from": [{"source": source}]}


def operations(**operation: Any) -> dict[str, Any]:
    return {"to": [{"operation": operation}]}


def deny(*rules: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {"action": "DENY", "rules": list(rules), **spec}


JWT = {"notRequestPrincipals": ["*"]}
WHEN = {"when": [{"key": "request.headers[x]", "values": ["a"]}]}

SECURITY: list[Document] = [
    ("PeerAuthentication", {"mtls": {"mode": "STRICT"}}, []),
    ("PeerAuthentication", {"selector": ON, "mtls": {"mode": "STRICT"}}, []),
    ("PeerAuthentication", {"selector": {}, "mtls": {"mode": "STRICT"}}, [NO_LABELS]),
    ("PeerAuthentication", {"selector": {"matchLabels": {}}}, [NO_LABELS]),
    ("RequestAuthentication", tokens(PUBLIC), []),
    ("RequestAuthentication", tokens(PUBLIC, selector={}), [NO_LABELS]),
    ("RequestAuthentication", tokens(PRIVATE), [private(1)]),
    ("RequestAuthentication", tokens(SECRET, PUBLIC, PRIVATE), [private(0), private(1)]),
    ("RequestAuthentication", tokens(ALONE), [private(0)]),
    ("RequestAuthentication", tokens(PRIVATE, selector={}), [NO_LABELS, private(1)]),
    ("AuthorizationPolicy", {}, []),
    ("AuthorizationPolicy", {"selector": {}}, [NO_LABELS]),
    ("AuthorizationPolicy", {"rules": [sources(**JWT)]}, []),
    ("AuthorizationPolicy", deny({}), []),
    ("AuthorizationPolicy", deny(WHEN), []),
    ("AuthorizationPolicy", deny(sources(**JWT)), [DENIES_TCP]),
    ("AuthorizationPolicy", deny(sources(**JWT) | WHEN), [DENIES_TCP]),
    ("AuthorizationPolicy", deny(sources(trustDomains=["a"])), [DENIES_TCP]),
    ("AuthorizationPolicy", deny(sources(principals=["a"])), []),
    ("AuthorizationPolicy", deny(sources(notNamespaces=["a"], **JWT)), []),
    ("AuthorizationPolicy", deny(sources(ipBlocks=["10.0.0.1"])), []),
    ("AuthorizationPolicy", deny(sources(notRemoteIpBlocks=["10.0.0.1"])), []),
    ("AuthorizationPolicy", deny(sources(serviceAccounts=["a"])), []),
    ("AuthorizationPolicy", deny(operations(paths=["/a"])), [DENIES_TCP]),
    ("AuthorizationPolicy", deny(operations(paths=["/a"], ports=["80"])), []),
    ("AuthorizationPolicy", deny(operations(methods=["GET"], notPorts=["80"])), []),
    ("AuthorizationPolicy", deny(sources(principals=["a"]) | operations(paths=["/a"])), [DENIES_TCP]),
    ("AuthorizationPolicy", deny(sources(**JWT) | operations(ports=["80"])), []),
    ("AuthorizationPolicy", deny(sources(**JWT), operations(hosts=["a"])), [DENIES_TCP, DENIES_TCP]),
    ("AuthorizationPolicy", deny(sources(**JWT), selector={}), [NO_LABELS, DENIES_TCP]),
    (
        "AuthorizationPolicy",
        deny({"to": [{"operation": {"paths": ["/a"]}}, {"operation": {"ports": ["80"]}}]}),
        [],
    ),
]


def balanced(**balancer: Any) -> dict[str, Any]:
    return {"host": "a", "trafficPolicy": {"loadBalancer": balancer}}


FAILOVER = {"failover": [{"from": "a", "to": "b"}]}
NO_OUTLIERS = "outlier detection policy must be provided for failover"
CONSECUTIVE = (
    "outlier detection consecutive errors is deprecated, "
    "use consecutiveGatewayErrors or consecutive5xxErrors instead"
)
RING = "consistent hash MinimumRingSize is deprecated, use ConsistentHashLB's RingHash configuration instead"
HASH = {"httpHeaderName": "x", "minimumRingSize": 5}
ERRORS = {"outlierDetection": {"consecutiveErrors": 5}}
NOT_LOOKED_AT = ERRORS | balanced(consistentHash=HASH)["trafficPolicy"]

DESTINATIONS: list[Document] = [
    ("DestinationRule", {"host": "a", "trafficPolicy": ERRORS}, [CONSECUTIVE]),
    ("DestinationRule", {"host": "a", "trafficPolicy": {"outlierDetection": {"consecutiveErrors": 0}}}, []),
    ("DestinationRule", balanced(consistentHash=HASH), [RING]),
    ("DestinationRule", balanced(localityLbSetting=FAILOVER), [NO_OUTLIERS]),
    ("DestinationRule", balanced(localityLbSetting={"failoverPriority": ["x"]}), [NO_OUTLIERS]),
    ("DestinationRule", balanced(localityLbSetting={"enabled": True}), []),
    (
        "DestinationRule",
        {
            "host": "a",
            "trafficPolicy": {"outlierDetection": {}, "loadBalancer": {"localityLbSetting": FAILOVER}},
        },
        [],
    ),
    (
        "DestinationRule",
        {"host": "a", "trafficPolicy": NOT_LOOKED_AT, "workloadSelector": {}},
        [CONSECUTIVE, RING, NO_LABELS],
    ),
    ("DestinationRule", {"host": "a", "subsets": [{"name": "v1", "trafficPolicy": NOT_LOOKED_AT}]}, []),
    (
        "DestinationRule",
        {
            "host": "a",
            "trafficPolicy": {"portLevelSettings": [{"port": {"number": 80}, **NOT_LOOKED_AT}]},
        },
        [],
    ),
]

HTTP, HTTPS = ({"number": n, "name": p.lower(), "protocol": p} for n, p in ((80, "HTTP"), (443, "HTTPS")))
FILES = {"serverCertificate": "/a", "privateKey": "/b"}
OLD = (
    "TLS version below TLSV1_2 require setting compatible ciphers "
    "as by default they no longer include compatible ciphers."
)


def gateway(*servers: dict[str, Any]) -> dict[str, Any]:
    return {"selector": {"istio": "ingressgateway"}, "servers": list(servers)}


def secure(**tls: Any) -> dict[str, Any]:
    return gateway({"port": HTTPS, "hosts": ["*"], "tls": {"mode": "SIMPLE", **tls}})


GOOD = "ECDHE-RSA-AES128-GCM-SHA256"

GATEWAYS: list[Document] = [
    ("Gateway", gateway({"port": HTTP, "hosts": ["*"], "tls": {"httpsRedirect": True}}), []),
    ("Gateway", secure(**FILES), []),
    (
        "Gateway",
        secure(**FILES, httpsRedirect=True),
        ["tls.httpsRedirect should only be used with http servers"],
    ),
    ("Gateway", secure(**FILES, minProtocolVersion="TLSV1_1"), [OLD]),
    ("Gateway", secure(**FILES, minProtocolVersion="TLSV1_1", cipherSuites=[GOOD]), []),
    ("Gateway", secure(**FILES, minProtocolVersion="TLSV1_2"), []),
    (
        "Gateway",
        secure(**FILES, cipherSuites=["Y", GOOD, "X", GOOD, "-ALL", "ALL"]),
        ["ignoring invalid cipher suites: [X Y]", f"ignoring duplicate cipher suites: [{GOOD}]"],
    ),
    (
        "Gateway",
        secure(mode="PASSTHROUGH", **FILES),
        ["PASSTHROUGH mode does not use certificates, they will be ignored"],
    ),
    (
        "Gateway",
        secure(mode="AUTO_PASSTHROUGH", credentialName="a"),
        ["AUTO_PASSTHROUGH mode does not use certificates, they will be ignored"],
    ),
    ("Gateway", secure(tlsCertificates=[FILES] * 2), []),
]

TO = {"route": [{"destination": {"host": "a"}}]}


def routes(*http: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {"hosts": ["a.org"], "gateways": ["gw"], "http": list(http) or [TO], **spec}


def by(*matches: dict[str, Any], **route: Any) -> dict[str, Any]:
    return {"match": list(matches), **TO, **route}


def prefix(text: str, **more: Any) -> dict[str, Any]:
    return {"uri": {"prefix": text}, **more}


def header(**value: str) -> dict[str, Any]:
    return {"headers": {"x": value}}


def legacy(name: str, better: str) -> str:
    return f'using legacy gatewayName format "{name}"; prefer the <namespace>/<name> format: "{better}"'


def unused(rule: str, why: str) -> str:
    return f"virtualService rule {rule} not used ({why})"


def ineffective(rule: str, match: str, other: str) -> str:
    return (
        f"virtualService rule {rule} match {match} is not used (duplicate/overlapping match in rule {other})"
    )


ALL_USED = "all matches used by prior rules"
BEFORE = "route without matches defined before"
LARGE = "large direct_responses may impact control plane performance"
PERCENT = 'using deprecated setting "mirrorPercent", use "mirrorPercentage" instead'
MIRROR = {"mirror": {"host": "b"}, "mirrorPercent": 0}


def answer(**body: str) -> dict[str, Any]:
    return {"directResponse": {"status": 200, "body": body}}


def covered(former: dict[str, Any], latter: dict[str, Any], *lines: str) -> Document:
    return ("VirtualService", routes(by(former), by(latter)), list(lines))


SHADOWED = ineffective("#1", "#0 of prefix /ab", "#0 of prefix /a on #0")

ROUTES: list[Document] = [
    ("VirtualService", routes(gateways=["gw.foo"]), [legacy("gw.foo", "foo/gw")]),
    ("VirtualService", routes(gateways=["b/gw", "gw.foo.svc", "a.b"]), [legacy("gw.foo.svc", "foo/gw")]),
    ("VirtualService", routes(gateways=["gw", "a.b"]), []),
    ("VirtualService", routes(by(prefix("/a", gateways=["gw.foo"]))), []),
    ("VirtualService", routes(TO | MIRROR), [PERCENT]),
    ("VirtualService", routes(answer(string="a" * 102_400)), []),
    ("VirtualService", routes(answer(string="a" * 102_401)), [LARGE]),
    ("VirtualService", routes(answer(bytes=base64.b64encode(b"a" * 102_400).decode())), []),
    ("VirtualService", routes(answer(bytes=base64.b64encode(b"a" * 102_401).decode())), [LARGE]),
    ("VirtualService", routes(TO, TO), [unused("#1", "only the last rule can have no matches")]),
    (
        "VirtualService",
        routes(TO, by(prefix("/a"), prefix("/b")), TO | {"name": "n"}),
        [
            unused("#1", BEFORE),
            unused("#1", BEFORE),
            unused('"n"', "only the last rule can have no matches"),
        ],
    ),
    (
        "VirtualService",
        routes(by(prefix("/a", name="one"), name="first"), by(prefix("/a", name="two"), prefix("/b"))),
        [ineffective("#1", '"two"', '"first"')],
    ),
    (
        "VirtualService",
        routes(by(prefix("/a")), by(prefix("/a", ignoreUriCase=False, port=0, headers={}))),
        [ineffective("#1", "#0", "#0"), unused("#1", ALL_USED)],
    ),
    (
        "VirtualService",
        routes(by(prefix("/a"), prefix("/a"))),
        [ineffective("#0", "#1", "#0")],
    ),
    ("VirtualService", routes(by({"uri": {}}), by({"method": {}})), []),
    ("VirtualService", routes(by(prefix("/a")), by(prefix("/a", ignoreUriCase=True))), []),
    # Of overlaps only those of prefixes are seen, and of what else there is only what is alike.
    covered(prefix("/a"), prefix("/ab"), SHADOWED),
    covered(prefix("/ab"), prefix("/a")),
    covered(prefix("/a"), {"uri": {"exact": "/ab"}}),
    covered(prefix("/a"), prefix("/ab", port=80)),
    covered(prefix("/a", method={"exact": "GET"}), prefix("/ab"), SHADOWED),
    covered(prefix("/a"), prefix("/ab", method={"exact": "PUT"})),
    covered(prefix("/a", method={"exact": "GETX"}), prefix("/ab", method={"exact": "GET"}), SHADOWED),
    covered(prefix("/a", authority={"prefix": "ab"}), prefix("/ab", authority={"prefix": "a"}), SHADOWED),
    covered(prefix("/a", authority={"prefix": "a"}), prefix("/ab", authority={"prefix": "ab"})),
    covered(prefix("/a", authority={"exact": "a"}), prefix("/ab"), SHADOWED),
    covered(prefix("/a", **header(exact="a")), prefix("/ab", **header(exact="a")), SHADOWED),
    covered(prefix("/a", **header(exact="a")), prefix("/ab")),
    covered(prefix("/a", **header(exact="a")), prefix("/ab", **header(regex="b")), SHADOWED),
    covered(prefix("/a", **header(regex="a")), prefix("/ab", **header(exact="b"))),
    covered(
        prefix("/a", withoutHeaders={"x": {}}, queryParams={"q": {"exact": "1"}}),
        prefix("/ab", withoutHeaders={"x": {}}, queryParams={"q": {"exact": "1"}}),
        SHADOWED,
    ),
    covered(prefix("/a", queryParams={"q": {"exact": "1"}}), prefix("/ab", queryParams={"r": {}})),
    (
        "VirtualService",
        routes(by(prefix("/a"), name="n"), by(prefix("/ab", name="m")), by(prefix("/abc")), TO),
        [
            ineffective("#1", '"m" of prefix /ab', '#0 of prefix /a on "n"'),
            ineffective("#2", "#0 of prefix /abc", '#0 of prefix /a on "n"'),
            ineffective("#2", "#0 of prefix /abc", '"m" of prefix /ab on #1'),
        ],
    ),
    (
        "VirtualService",
        {
            "hosts": ["a.org"],
            "gateways": ["gw"],
            "tls": [{"match": [{"sniHosts": ["a.org"]}], **TO}] * 2,
            "tcp": [TO, TO, {"match": [{"port": 1, "gateways": ["gw.foo"]}], **TO}],
        },
        [
            unused("#1", "only the last rule can have no matches"),
            unused("#2", BEFORE),
            ineffective("#1", "#0", "#0"),
            unused("#1", ALL_USED),
        ],
    ),
    (
        "VirtualService",
        routes(
            TO | MIRROR,
            tls=[{"match": [{"sniHosts": ["1.2.3.4", "a.org"], "gateways": ["gw.foo"]}], **TO}],
        ),
        [
            PERCENT,
            'using an IP address ("1.2.3.4") goes against SNI spec and most clients do not support this',
            legacy("gw.foo", "foo/gw"),
        ],
    ),
]

DOCUMENTS = [*SECURITY, *DESTINATIONS, *GATEWAYS, *ROUTES]
