"""What the API server refuses of Gateways, VirtualServices and DestinationRules, and in which words."""

from __future__ import annotations

from typing import Any

import pytest

from lab.kube.client import ApiError, Object
from tests.mesh.admission import WEBHOOK, Admission
from tests.planes.differences import Either, on

HTTP = {"number": 80, "name": "http", "protocol": "HTTP"}
HTTPS = {"number": 443, "name": "https", "protocol": "HTTPS"}
CLAIM = {"@request.auth.claims.a": {"exact": "1"}}
TO = {"route": [{"destination": {"host": "httpbin"}}]}


def gateway_of(**server: Any) -> Object:
    return {"servers": [{"port": HTTP, "hosts": ["*"], **server}]}


def routes(*http: Any, hosts: Any = ("a.org",), **more: Any) -> Object:
    return {"hosts": list(hosts), "gateways": ["gw"], "http": list(http) or [TO], **more}


def matching(**match: Any) -> Object:
    return routes(TO | {"match": [match]})


ACCEPTED_GATEWAYS = [
    gateway_of(),
    gateway_of(hosts=["*.example.com", "ns/*", "./a.org", "*/b.org"]),
    gateway_of(hosts=["10.0.0.1", "example.com."], bind="::"),
    gateway_of(tls={"httpsRedirect": True}),
    gateway_of(tls={"mode": "AUTO_PASSTHROUGH"}),
    gateway_of(port=HTTP | {"protocol": "http_proxy"}),
    gateway_of(port=HTTP | {"number": 0}, bind="unix://@a"),
    gateway_of(port=HTTPS, tls={"mode": "ISTIO_MUTUAL"}),
    gateway_of(port=HTTPS, tls={"mode": "SIMPLE", "credentialName": "secret"}),
    gateway_of(port=HTTPS | {"protocol": "TLS"}, tls={"mode": "PASSTHROUGH"}),
]

REFUSED_GATEWAYS = [
    ({}, "gateway must have at least one server"),
    (gateway_of(hosts=[]), "server config must contain at least one host"),
    (gateway_of(hosts=["a_b.org/x/"]), 'invalid namespace value "a_b.org" in gateway'),
    (gateway_of(hosts=["/a.org"]), "config namespace and dnsName in host entry cannot be empty"),
    (gateway_of(hosts=["a.*.org"]), 'domain name "*.org" invalid (label "*" invalid)'),
    (gateway_of(hosts=["short"]), "short names (non FQDN) are not allowed"),
    (gateway_of(hosts=["*-a.org"]), 'partial wildcard "*-a.org" not allowed'),
    (gateway_of(hosts=["UP_/a.org"]), 'invalid namespace value "UP_" in gateway'),
    (gateway_of(port=HTTP | {"number": 0}), "port number 0 must be in the range 1..65535"),
    (gateway_of(port=HTTP | {"protocol": "SMTP"}), 'invalid protocol "SMTP", supported protocols are HTTP,'),
    (gateway_of(port=HTTP | {"targetPort": 80}), "targetPort has no impact on Gateways"),
    (gateway_of(port=HTTP | {"name": ""}), "port name must be set: "),
    (gateway_of(bind="x"), "x is not a valid IP"),
    (gateway_of(bind="unix://"), "unix address must not be empty"),
    (gateway_of(bind="unix://a"), "a is not an absolute path to a file"),
    (gateway_of(bind="unix:///a"), "port number must be 0 for unix domain socket: "),
    (gateway_of(port=HTTPS), "server must have TLS settings for HTTPS/TLS protocols"),
    (gateway_of(tls={"mode": "SIMPLE", "credentialName": "a"}), "TLS settings for plain text HTTP ports"),
    (gateway_of(tls={"caCertificates": "a"}), "server cannot have TLS settings for plain text HTTP ports"),
    (gateway_of(port=HTTP | {"protocol": "TCP"}, tls={}), "cannot have TLS settings for non HTTPS/TLS ports"),
    (gateway_of(port=HTTPS, tls={"mode": "SIMPLE"}), "SIMPLE TLS requires a server certificate"),
    (
        gateway_of(port=HTTPS, tls={"mode": "OPTIONAL_MUTUAL", "serverCertificate": "c", "privateKey": "k"}),
        "MUTUAL TLS requires a client CA bundle",
    ),
    (
        gateway_of(port=HTTPS, tls={"mode": "SIMPLE", "tlsCertificates": [{"serverCertificate": "c"}]}),
        "SIMPLE TLS requires a private key",
    ),
    (
        gateway_of(port=HTTPS, tls={"mode": "ISTIO_MUTUAL", "credentialName": "a"}),
        "ISTIO_MUTUAL TLS cannot have associated credentialName",
    ),
    (
        gateway_of(
            port=HTTPS,
            tls={"mode": "SIMPLE", "credentialName": "a", "serverCertificate": "c", "privateKey": "k"},
        ),
        "only one of credential_name, credential_names, server_certificate/private_key, tls_certificates",
    ),
    (
        gateway_of(
            port=HTTPS, tls={"mode": "SIMPLE", "serverCertificate": "c", "privateKey": "k", "caCrl": "r"}
        ),
        "CRL is not supported with SIMPLE TLS",
    ),
    (
        {"servers": [{"port": HTTP, "hosts": ["*"]}] * 2},
        "port names in servers must be unique: duplicate name http",
    ),
]

ACCEPTED_ROUTES = [
    routes(),
    routes(hosts=["*"]),
    routes(hosts=["httpbin"], gateways=["mesh"]),
    routes({"redirect": {"uri": "/x", "redirectCode": 308}}),
    routes({"directResponse": {"status": 200}}),
    matching(uri={"regex": "/(?i:a|b)/[0-9]{1,3}(?P<name>x)?"}),
    matching(headers={":method": {"exact": "GET"}, "x-a_b": {}}),
    matching(headers={"a,b": {"exact": "x"}, "@request.auth.claims.groups": {"exact": "x"}}),
    matching(headers={"@Request.Auth.Claims[a][b.c]": {"regex": ".*"}}),
    matching(withoutHeaders={"@request.auth.claims[a]x[b]": {"prefix": "x"}}),
    matching(withoutHeaders={"x-v": {"regex": "*"}}),
    matching(uri={"prefix": ""}, withoutHeaders={"x": {"regex": "*"}}),
    {"hosts": ["a.org"], "gateways": ["gw"], "tcp": [{"route": [{"destination": {"host": "x"}}]}]},
    # Others refer to it.
    {"http": [TO]},
    {"hosts": ["10.0.0.1", "*.foo", "*-a.foo.bar."], "http": [TO]},
    {"hosts": ["a.org"], "http": [{"delegate": {"name": "x"}, "rewrite": {"uri": "/"}}]},
    {"hosts": ["*.org"], "gateways": ["gw"], "tls": [{"match": [{"sniHosts": ["a.org"]}], **TO}]},
    {
        "hosts": ["*"],
        "gateways": ["gw"],
        "tls": [{"match": [{"sniHosts": ["outbound_.80_._.a.b", "10.0.0.1"]}], **TO}],
    },
    routes(
        TO | {"headers": {"request": {"set": {"a b": '%REQ(x)% 100%% %A(["b", "c"])%', ":authority": "b"}}}}
    ),
    routes({"redirect": {"prefixRewrite": "/b", "derivePort": "FROM_REQUEST_PORT"}}),
    routes({"redirect": {"uri": "/x\ty"}}),
    routes(TO | {"mirrorPercent": 0, "mirror_percent": 101}),
    routes(TO | {"retries": {"attempts": 2, "retryOn": "5xx,reset,503"}, "timeout": "1h"}),
    routes(TO | {"fault": {"abort": {"grpcStatus": "NOT_FOUND", "percentage": {"value": 0.0001}}}}),
    routes(TO | {"corsPolicy": {"allowOrigins": [{"regex": ".*"}], "allowMethods": ["*"], "maxAge": "1s"}}),
]


def of_re2(before: str, reference: str, istio: str) -> Either:
    """What is said of an expression: RE2 in C++ and in Go have words of their own."""
    return Either("words-for-expressions", reference=before + reference, istio=before + istio)


REFUSED_ROUTES = [
    (routes(hosts=[]), "delegate virtual service must have no gateways specified"),
    (routes(hosts=["a..org"]), 'domain name ".org" invalid (label "" invalid)'),
    (routes(hosts=[""]), "empty domain name not allowed"),
    (routes(hosts=["a.org", "a.org"]), "duplicate hosts in virtual service: a.org & a.org"),
    (routes(hosts=["a.org", "*.org"]), "duplicate hosts in virtual service: a.org & *.org"),
    ({"hosts": ["*"], "http": [TO]}, "wildcard host * is not allowed for virtual services bound to the mesh"),
    (routes(hosts=["*"], gateways=["gw", "mesh"]), "wildcard host * is not allowed"),
    (routes(gateways=["a_b"]), 'domain name "a_b" invalid (label "a_b" invalid)'),
    (routes(gateways=["A_/gw"]), 'invalid value for namespace: "A_"'),
    (routes(exportTo=["a/b"]), "only .,*, or a valid DNS 1123 label is allowed as exportTo entry"),
    (routes(exportTo=["~"]), "exportTo ~ (none) is not allowed for Istio configuration objects"),
    (routes(exportTo=[".", "foo"]), "duplicate entries in exportTo for entry foo"),
    ({"hosts": ["a.org"]}, "http, tcp or tls must be provided in virtual service"),
    (routes({"match": [{"uri": {"prefix": "/"}}]}), "HTTP route, redirect or direct_response is required"),
    (routes(TO | {"redirect": {"uri": "/x"}}), "HTTP route cannot contain both route and redirect"),
    (routes(TO | {"directResponse": {"status": 200}}), "cannot contain both route and direct_response"),
    (
        routes({"redirect": {"uri": "/x"}, "rewrite": {"uri": "/y"}}),
        "HTTP route rule cannot contain both rewrite and redirect",
    ),
    (routes(TO | {"delegate": {"name": "x"}}), "root HTTP route  must not specify route"),
    ({"http": [TO | {"delegate": {"name": "x"}}]}, "delegate HTTP route cannot contain delegate"),
    (routes({"redirect": {"redirectCode": 301}}), "redirect must specify URI, authority, scheme, or port"),
    (
        routes({"redirect": {"uri": "/x", "redirectCode": 400}}),
        "400 is not a valid redirect code, must be 3xx",
    ),
    (routes({"redirect": {"uri": "/x", "prefixRewrite": "/"}}), "only specify one of uri or prefix_rewrite"),
    (
        routes({"match": [{"uri": {"exact": "/a"}}], "redirect": {"prefixRewrite": "/"}}),
        "redirect prefix_rewrite requires all URI matches to use prefix match type",
    ),
    (routes({"redirect": {"port": 65536}}), "port number 65536 must be in the range 1..65535"),
    (routes({"redirect": {"scheme": "ftp"}}), 'invalid redirect scheme, must be "http" or "https"'),
    (routes({"directResponse": {"status": 99}}), "HTTP status 99 is not in range 200-599"),
    (
        routes({"directResponse": {"status": 200, "body": {"bytes": "a"}}}),
        "error decoding configuration: illegal base64 data",
    ),
    (
        routes({"directResponse": {"status": 200, "body": {"string": "a" * 1_048_577}}}),
        "large direct_responses may impact control plane performance, must be less than 1MB",
    ),
    (
        routes(TO | {"rewrite": {}}),
        "rewrite must specify at least one of URI, UriRegexRewrite, or authority.",
    ),
    (
        routes(TO | {"rewrite": {"uri": "/", "uriRegexRewrite": {}}}),
        "rewrite may only contain one of URI or UriRegexRewrite",
    ),
    (routes(TO | {"rewrite": {"uriRegexRewrite": {"rewrite": "/b"}}}), "requires both Rewrite and Match"),
    (routes(TO | {"rewrite": {"uriRegexRewrite": {"match": "/a"}}}), "requires both Rewrite and Match"),
    (
        routes(TO | {"rewrite": {"uriRegexRewrite": {"match": "(", "rewrite": "/b"}}}),
        of_re2(
            'UriRegexRewrite has errors\n"HTTPRewrite.UriRegexRewrite.Match": error parsing regexp: ',
            "missing )",
            "missing closing )",
        ),
    ),
    (
        routes(TO | {"rewrite": {"authority": "a"}, "headers": {"request": {"set": {"Host": "b"}}}}),
        'authority header cannot be set multiple times: have "a", attempting to set "b"',
    ),
    (
        matching(uri={"regex": "("}),
        of_re2(
            '"uri": error parsing regexp: ',
            "missing ): (; Istio uses RE2",
            "missing closing ): `(`; Istio uses RE2",
        ),
    ),
    (matching(uri={"regex": ""}), '"uri": regex string match should not be empty'),
    (
        matching(uri={"regex": "a(?=b)"}),
        of_re2(
            '"uri": error parsing regexp: ',
            "invalid perl operator: (?=",
            "invalid or unsupported Perl syntax: `(?=`",
        ),
    ),
    (matching(uri={"regex": "(a)\\1"}), of_re2("invalid escape sequence: ", "\\1", "`\\1`")),
    (matching(uri={"regex": "\\C"}), of_re2("invalid escape sequence: ", "\\C", "`\\C`")),
    (
        matching(headers={"x-v": {"regex": "a++"}}),
        of_re2(
            '"headers": error parsing regexp: ',
            "bad repetition operator: ++",
            "invalid nested repetition operator: `++`",
        ),
    ),
    (
        matching(uri={"regex": "(?>a)"}),
        of_re2("", "invalid perl operator: (?>", "invalid or unsupported Perl syntax: `(?>`"),
    ),
    (matching(uri={"regex": "a" * 1025}), '"uri": regex is too large, max length allowed is 1024'),
    (matching(method={"prefix": ""}), '"method": prefix string match should not be empty'),
    (matching(headers={"x": {"prefix": ""}}), '"headers": prefix string match should not be empty'),
    (matching(headers={"x v": {"exact": "1"}}), "header name x v is not a valid header name"),
    (matching(headers={":x": {"exact": "1"}}), "header name :x is not a valid header name"),
    (matching(headers={"@request.auth.claims": {"exact": "1"}}), "is not a valid header name"),
    (matching(withoutHeaders={"@request.auth.claims.": {"exact": "1"}}), "is not a valid header name"),
    (
        {
            "hosts": ["a.org"],
            "gateways": ["gw", "mesh"],
            "http": [TO | {"match": [{"withoutHeaders": CLAIM}]}],
        },
        "is only supported for gateway, found no gateways: [gw mesh]",
    ),
    (
        {"hosts": ["a.org"], "http": [TO | {"match": [{"headers": {"@request.auth.claims.a": {}}}]}]},
        "JWT claim based routing (key: @request.auth.claims.a) is only supported for gateway, found no",
    ),
    (matching(port=65536), "port number 65536 must be in the range 1..65535"),
    (matching(sourceLabels={"a b": "c d"}), 'invalid tag key: "a b"'),
    (matching(sourceNamespace="a.b"), "sourceNamespace match a.b is invalid"),
    (routes(TO | {"headers": {"request": {"set": {":path": "c"}}}}), 'header cannot have ":" prefix'),
    (
        routes(TO | {"headers": {"response": {"add": {"host": "c"}}}}),
        'invalid header "host": cannot set Host header',
    ),
    (routes(TO | {"headers": {"response": {"remove": [""]}}}), "header name cannot be empty"),
    (
        routes(TO | {"headers": {"request": {"add": {"a": "50%"}}}}),
        "invalid header configuration. Un-escaped %",
    ),
    (routes(TO | {"headers": {"request": {"add": {"a": "%a"}}}}), "Un-terminated variable expression '%a'"),
    (routes(TO | {"headers": {"request": {"add": {"a": '%A(["b")%'}}}}), "Expecting ',', ']', or whitespace"),
    (routes(TO | {"headers": {"request": {"add": {"a": "%A(b)c%"}}}}), "Expecting '%' or whitespace after"),
    (
        routes(TO | {"headers": {"request": {"add": {"a": "\x00"}}}}),
        "header value configuration \x00 is invalid",
    ),
    (
        routes({"route": [{"destination": {"host": "a_b!"}}]}),
        'domain name "a_b!" invalid (label "a_b!" invalid)',
    ),
    (routes({"route": [{"destination": {"host": "*"}}]}), "invalid destination host *"),
    (routes({"route": [{"destination": {"host": "x", "subset": "a.b"}}]}), "subset name is invalid: a.b"),
    (routes({"route": [{"destination": {"host": "x", "port": {}}}]}), "port number 0 must be in the range"),
    (routes({"route": [{"destination": {"host": "x"}, "weight": -1}]}), "weight -1 < 0"),
    (routes({"route": [{"destination": {"host": "x"}, "weight": 0}] * 2}), "total destination weight = 0"),
    (
        routes({"route": [{"destination": {"host": "x"}, "weight": 1 << 31}]}),
        "error decoding configuration: json: cannot unmarshal number 2147483648 into Go value of type int32",
    ),
    (routes(TO | {"mirror_percent": 101}), "mirror_percent must have a max value of 100 (it has 101)"),
    (routes(TO | {"retries": {"attempts": -1}}), "attempts cannot be negative"),
    (routes(TO | {"retries": {"retryOn": "5xx"}}), "policy configured when attempts are set to 0 (disabled)"),
    (routes(TO | {"retries": {"attempts": 1, "retryOn": "x"}}), '"x" is not a valid retryOn policy'),
    (routes(TO | {"timeout": "1.5ms"}), "only durations to ms precision are supported"),
    (routes(TO | {"fault": {}}), "HTTP fault injection must have an abort and/or a delay"),
    (routes(TO | {"fault": {"abort": {"grpcStatus": "x"}}}), 'gRPC status "x" is not supported.'),
    (
        routes(TO | {"fault": {"abort": {"http2Error": "x"}}}),
        "HTTP/2 abort fault injection not supported yet",
    ),
    (
        routes(TO | {"fault": {"delay": {"percentage": {"value": 101}}}}),
        "percentage 101 is neither 0.0, nor in",
    ),
    (routes(TO | {"fault": {"delay": {"exponentialDelay": "1s"}}}), "exponentialDelay not supported yet"),
    (
        routes(TO | {"mirrorPercentage": {"value": 101}}),
        "mirror_percentage must have a max value of 100 (it has 1",
    ),
    (routes(TO | {"corsPolicy": {"allowOrigins": [{"exact": ""}]}}), "'' is not a valid match type for CORS"),
    (routes(TO | {"corsPolicy": {"allowMethods": ["get"]}}), '"get" is not a supported HTTP method'),
    (
        routes(TO | {"corsPolicy": {"maxAge": "1500ms"}}),
        "max_age duration is accurate only to seconds precision",
    ),
    ({"hosts": ["a.org"], "tcp": [{"match": [{"port": 1}]}]}, "TCP route is required"),
    (
        {"hosts": ["a.org"], "tcp": [TO | {"match": [{"destinationSubnets": ["1.2.3.4/33"]}]}]},
        "1.2.3.4/33 is not a valid CIDR block",
    ),
    (
        {"hosts": ["a.org"], "gateways": ["gw"], "tls": [TO | {"match": [{"sniHosts": ["b.org"]}]}]},
        'SNI host "b.org" is not a compatible subset of any of the virtual service hosts: [a.org]',
    ),
    ({"hosts": ["a.org"], "tls": [TO | {"match": []}]}, "TLS route must have at least one match condition"),
]

UNSERVABLE_ROUTES = [
    (routes({"redirect": {"uri": "/x", "redirectCode": 300}}), "redirectCode 300 is none of 301, 302"),
    (routes({"directResponse": {"status": 600}}), "HTTP status 600 is not in range 200-599"),
    (matching(queryParams={"": {"exact": "a"}}), "name of a query parameter is empty or too long"),
    (routes({"redirect": {"uri": "/x\r\nset-cookie: a"}}), "has control characters"),
    (routes(TO | {"rewrite": {"authority": "a\n"}}), 'rewrite authority: "a\\n" has control characters'),
    (
        routes(TO | {"headers": {"request": {"set": {"a\n": "c"}}}}),
        'header name "a\\n" has control characters',
    ),
    (matching(uri={"regex": "\\x{10FFFF}"}), "invalid escape sequence: \\x{10F"),
    (matching(uri={"regex": "(.{1,30}){1,30}" * 60}), "> max program size of 32768"),
    (matching(headers={"@request.auth.claims.a..b": {"exact": "x"}}), "has a part without a name"),
    (
        matching(headers={"@request.auth.claims[a]": {}}),
        'claim "@request.auth.claims[a]" needs exact, prefix or regex (".*" is any text)',
    ),
    (matching(withoutHeaders={"@request.auth.claims.a": {}}), "needs exact, prefix or regex"),
    (matching(withoutHeaders={"@request.auth.claims.a": {"regex": "*"}}), "needs exact, prefix or regex"),
]
"""What Istio takes; docs/differences.md says why the reference does not."""


def destination(**spec: Any) -> Object:
    return {"host": "httpbin", **spec}


def pool(**settings: Any) -> Object:
    return destination(trafficPolicy={"connectionPool": settings})


def balanced(**settings: Any) -> Object:
    return destination(trafficPolicy={"loadBalancer": settings})


def tls(**settings: Any) -> Object:
    return destination(trafficPolicy={"tls": settings})


def by_port(*entries: Any) -> Object:
    return destination(trafficPolicy={"portLevelSettings": list(entries)})


def spread(*shares: tuple[str, dict[str, int]]) -> Object:
    return balanced(localityLbSetting={"distribute": [{"from": where, "to": to} for where, to in shares]})


ACCEPTED_RULES = [
    destination(),
    {"host": "*"},
    {"host": "*.local"},
    {"host": "*-a.local."},
    {"host": "httpbin.foo.svc.cluster.local", "trafficPolicy": {"tls": {"mode": "ISTIO_MUTUAL"}}},
    tls(mode="MUTUAL", clientCertificate="/c", privateKey="/k"),
    tls(mode="MUTUAL", credentialName="configmap://foo/x"),
    tls(mode="SIMPLE", insecureSkipVerify=True),
    tls(mode="MUTUAL", insecureSkipVerify=True, credentialName="x"),
    tls(mode="ISTIO_MUTUAL", sni="x" * 256),
    pool(tcp={"idleTimeout": "0s"}),
    destination(exportTo=[".", "bar"]),
    balanced(consistentHash={"maglev": {"tableSize": 65537}}),
    balanced(localityLbSetting={"failover": [{"from": "a", "to": "b"}]}),
    spread(("a/*", {"a/b": 50, "a/c": 50}), ("b", {"b": 100})),
    by_port({"port": {"number": 0}, "tls": {"mode": "DISABLE"}}),
    by_port({"port": {}, "tls": {"mode": "DISABLE"}}),
]

REFUSED_RULES = [
    ({"host": ""}, "empty domain name not allowed"),
    ({"host": "no spaces.please"}, 'domain name "no spaces.please" invalid (label "no spaces" invalid)'),
    ({"host": "a.*.b"}, 'domain name "*.b" invalid (label "*" invalid)'),
    ({"host": "a.1"}, 'domain name "1" invalid (top level domain "1" cannot be all-numeric)'),
    ({"host": "a" * 256}, "too long (max 255)"),
    (tls(mode="MUTUAL"), "client certificate required for mutual tls"),
    (tls(mode="MUTUAL", clientCertificate="/c"), "private key required for mutual tls"),
    (tls(mode="MUTUAL", credentialName="x", privateKey="/k"), "If credentialName is set"),
    (
        tls(credentialName="configmap://x"),
        'invalid resource name "configmap://x". Expected namespace and name',
    ),
    (tls(credentialName="configmap://bar/x"), 'namespace must match the configuration namespace "foo"'),
    (
        tls(mode="SIMPLE", insecureSkipVerify=True, subjectAltNames=["a.test"]),
        "cannot specify CaCertificates or CredentialName or SubjectAltNames when InsecureSkipVerify is set t",
    ),
    (
        tls(mode="MUTUAL", insecureSkipVerify=True, caCertificates="/ca"),
        "cannot specify CaCertificates or SubjectAltNames when InsecureSkipVerify is set true",
    ),
    (by_port({}), "portTrafficPolicy must have valid port"),
    (by_port({"port": {"number": 80}}), "port traffic policy must have at least one field"),
    (destination(trafficPolicy={}), "traffic policy must have at least one field"),
    (by_port(), "traffic policy must have at least one field"),
    (
        destination(trafficPolicy={"proxyProtocol": {}, "tunnel": {"targetHost": "a.b", "targetPort": 1}}),
        "tunnel and proxyProtocol must not be set together",
    ),
    (
        destination(trafficPolicy={"tunnel": {"targetHost": "*", "targetPort": 0, "protocol": "x"}}),
        "tunnel target port is invalid: port number 0 must be in the range 1..65535",
    ),
    (pool(), "connection pool must have at least one field"),
    (pool(http={"maxRetries": -1}), "max retries must be non-negative"),
    (pool(tcp={"maxConnections": -1}), "max connections must be non-negative"),
    (pool(http={"h2UpgradePolicy": "UPGRADE", "useClientProtocol": True}), "when H2UpgradePolicy is UPGRADE"),
    (pool(http={"http2KeepAlive": {"interval": "1s"}}), "http2 keepalive timeout is required"),
    (pool(tcp={"connectTimeout": "1.5ms"}), "only durations to ms precision are supported"),
    (pool(tcp={"idleTimeout": "-1s"}), "duration must be greater than 1ms"),
    (
        pool(tcp={"idleTimeout": "x"}),
        'error decoding configuration: bad Duration: time: invalid duration "x"',
    ),
    (pool(tcp={"maxConnections": 1 << 31}), "cannot unmarshal number 2147483648 into Go value of type int32"),
    (
        destination(trafficPolicy={"retryBudget": {"budgetInterval": "x"}}),
        'error decoding configuration: bad Duration: time: invalid duration "x"',
    ),
    (
        destination(trafficPolicy={"outlierDetection": {"maxEjectionPercent": 101}}),
        "percentage 101 is not in range 0..100",
    ),
    (
        destination(trafficPolicy={"outlierDetection": {"consecutiveLocalOriginFailures": 1}}),
        "but split external local origin errors is set to false",
    ),
    (balanced(consistentHash={"maglev": {}}), "tableSize must be set for maglev"),
    (balanced(consistentHash={"maglev": {"tableSize": 9}}), "tableSize must be a prime number for maglev"),
    (balanced(consistentHash={"httpCookie": {"name": ""}}), "name required for HttpCookie"),
    (balanced(warmup={"duration": "1s", "aggression": 0}), "aggression should be greater than 0"),
    (spread(("a", {"b": 99})), "total locality weight 99 != 100"),
    (spread(("a", {"b": 101})), "locality weight must be in range [1, 100]"),
    (spread(("a", {"b": 100}), ("a/b", {"b": 100})), "locality a/b overlap with previous specified ones"),
    (spread(("*a", {"b": 100})), "locality *a wildcard '*' number can not exceed 1 and must be in the end"),
    (
        balanced(localityLbSetting={"failover": [{"from": "a/b", "to": "a/b"}]}),
        "2 errors occurred:\n\t* locality lb failover settings must specify different regions",
    ),
    (balanced(localityLbSetting={}, zoneAwareLbSetting={}), "only one of localityLbSetting and zoneAwareLb"),
    (balanced(zoneAwareLbSetting={"failover": [{"from": "*", "to": "a"}]}), "zone aware lb failover region"),
    (destination(subsets=[{"name": "v1"}, {"name": "v1"}]), "duplicate subset names: v1"),
    (destination(subsets=[{"name": "not_a_label"}]), "subset name is invalid: not_a_label"),
    (destination(subsets=[{"name": "a", "labels": {"a/b/c": "d"}}]), 'invalid tag key: "a/b/c"'),
    (destination(subsets=[{"name": "a", "labels": {"a": "b c"}}]), 'invalid tag value: "b c"'),
    (destination(exportTo=["a/b"]), "only .,*, or a valid DNS 1123 label is allowed as exportTo entry"),
    (destination(exportTo=[".", "*", "bar"]), "cannot have both public (*) and non-public exportTo values"),
    (
        destination(exportTo=["bar"], workloadSelector={"matchLabels": {"a": "b"}}),
        "destination rule with workload selector cannot have exportTo beyond current namespace",
    ),
]


VERSIONS = ("v1", "v1beta1", "v1alpha3")


@pytest.mark.parametrize("spec", ACCEPTED_GATEWAYS)
def test_gateways_that_are_accepted(admission: Admission, spec: Object) -> None:
    for version in VERSIONS:
        assert admission.create("Gateway", spec, version)["spec"] == spec


@pytest.mark.parametrize(("spec", "reason"), REFUSED_GATEWAYS)
def test_gateways_that_are_refused(admission: Admission, spec: Object, reason: str) -> None:
    assert reason in admission.refusal("Gateway", spec)


@pytest.mark.parametrize("spec", ACCEPTED_ROUTES)
def test_routes_that_are_accepted(admission: Admission, spec: Object) -> None:
    for version in VERSIONS:
        assert admission.create("VirtualService", spec, version)["spec"] == spec


@pytest.mark.parametrize(("spec", "reason"), REFUSED_ROUTES)
def test_routes_that_are_refused(admission: Admission, spec: Object, reason: str | Either) -> None:
    assert on(admission.kind, reason) in admission.refusal("VirtualService", spec)


@pytest.mark.parametrize(("spec", "reason"), UNSERVABLE_ROUTES)
def test_routes_that_no_proxy_can_be_told(admission: Admission, spec: Object, reason: str) -> None:
    assert admission.refuses_alone("VirtualService", spec, reason)


@pytest.mark.parametrize("spec", ACCEPTED_RULES)
def test_destination_rules_that_are_accepted(admission: Admission, spec: Object) -> None:
    for version in VERSIONS:
        assert admission.create("DestinationRule", spec, version)["spec"] == spec


@pytest.mark.parametrize(("spec", "reason"), REFUSED_RULES)
def test_destination_rules_that_are_refused(admission: Admission, spec: Object, reason: str) -> None:
    assert reason in admission.refusal("DestinationRule", spec)


def test_a_refusal_is_what_the_webhook_says_word_for_word(admission: Admission) -> None:
    spec = {"host": "a", "trafficPolicy": {}, "subsets": [{"name": "v1"}, {"name": "v1"}]}
    assert admission.refusal("DestinationRule", spec) == (
        f"{WEBHOOK}2 errors occurred:\n\t* traffic policy must have at least one field"
        "\n\t* duplicate subset names: v1\n\n"
    )


@pytest.mark.parametrize(
    ("kind", "spec", "reason"),
    [
        ("Gateway", {"servers": [{"hosts": ["*"]}]}, "spec.servers[0].port: Required value"),
        ("Gateway", {"servers": "x"}, "spec.servers: Invalid value"),
        ("Gateway", gateway_of(tls={"mode": "TLS"}), 'spec.servers[0].tls.mode: Unsupported value: "TLS"'),
        ("VirtualService", matching(uri={"exact": "/a", "prefix": "/b"}), "spec.http[0].match[0].uri"),
        ("VirtualService", routes(TO | {"timeout": "0.1ms"}), "must be a valid duration greater than 1ms"),
        ("VirtualService", routes({"route": [{}]}), "spec.http[0].route[0].destination: Required value"),
    ],
)
def test_what_the_schemas_refuse(admission: Admission, kind: str, spec: Object, reason: str) -> None:
    with pytest.raises(ApiError) as refusal:
        admission.create(kind, spec)
    assert refusal.value.code == 422
    assert reason in refusal.value.message
