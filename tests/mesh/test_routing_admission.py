"""Which Gateways and VirtualServices are refused, and in which words."""

from __future__ import annotations

from typing import Any

import pytest

from lab.kube.kinds.registry import Registry
from lab.kube.store import ApiError, Denied, Key, Object, Store, clone
from lab.kube.writing.pipeline import at_once
from lab.kube.writing.shape import WriteOptions
from lab.kube.writing.writes import Writes
from lab.mesh import crds, current
from lab.mesh.networking import gateway, virtual_service
from lab.mesh.networking.routing_admission import validate_gateway, validate_virtual_service

pytestmark = pytest.mark.reference_only("asks the reference's own admission")

HTTP = {"number": 80, "name": "http", "protocol": "HTTP"}
HTTPS = {"number": 443, "name": "https", "protocol": "HTTPS"}
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
    gateway_of(tls={"httpsRedirect": True}),
    gateway_of(port=HTTPS, tls={"mode": "SIMPLE", "credentialName": "secret"}),
    gateway_of(port=HTTPS | {"protocol": "TLS"}, tls={"mode": "PASSTHROUGH"}),
]

REFUSED_GATEWAYS = [
    ({}, "gateway must have at least one server"),
    (gateway_of(hosts=[]), "server config must contain at least one host"),
    (gateway_of(hosts=["a_b.org/x/"]), "invalid"),
    (gateway_of(hosts=["a.*.org"]), "invalid host 'a.*.org': it must be a DNS name"),
    (gateway_of(hosts=["UP_/a.org"]), "invalid namespace 'UP_' in host 'UP_/a.org'"),
    (gateway_of(port=HTTP | {"number": 0}), "port number 0 must be in the range 1..65535"),
    (gateway_of(port=HTTP | {"protocol": "SMTP"}), "invalid protocol 'SMTP', supported protocols are HTTP,"),
    (gateway_of(port=HTTP | {"name": ""}), "port name must be set"),
    (gateway_of(port=HTTPS), "server must have TLS settings for HTTPS/TLS protocols"),
    (gateway_of(tls={"mode": "SIMPLE"}), "server cannot have TLS settings for non HTTPS/TLS ports"),
    (gateway_of(port=HTTPS, tls={"mode": "SIMPLE"}), "SIMPLE TLS requires a server certificate"),
    (
        gateway_of(port=HTTPS, tls={"mode": "MUTUAL", "serverCertificate": "c", "privateKey": "k"}),
        "MUTUAL TLS requires a client CA bundle",
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
    {"hosts": ["a.org"], "gateways": ["gw"], "tcp": [{"route": [{"destination": {"host": "x"}}]}]},
]

REFUSED_ROUTES = [
    (routes(hosts=[]), "virtual service must have at least one host"),
    (routes(hosts=["a..org"]), "invalid host 'a..org'"),
    (routes(hosts=["a.org", "a.org"]), "duplicate hosts in virtual service"),
    ({"hosts": ["*"], "http": [TO]}, "wildcard host * is not allowed for virtual services bound to the mesh"),
    (routes(hosts=["*"], gateways=["gw", "mesh"]), "wildcard host * is not allowed"),
    ({"hosts": ["a.org"]}, "http, tcp or tls must be provided in virtual service"),
    (routes({"match": [{"uri": {"prefix": "/"}}]}), "HTTP route, redirect or direct_response is required"),
    (routes(TO | {"redirect": {"uri": "/x"}}), "HTTP route cannot contain both route and redirect"),
    (
        routes({"redirect": {"uri": "/x"}, "rewrite": {"uri": "/y"}}),
        "HTTP route rule cannot contain both rewrite and redirect",
    ),
    (routes({"redirect": {"redirectCode": 301}}), "redirect must specify URI, authority, scheme, or port"),
    (routes({"redirect": {"uri": "/x", "redirectCode": 300}}), "redirectCode 300 is none of 301, 302"),
    (routes({"redirect": {"port": 65536}}), "port number 65536 must be in the range 1..65535"),
    (matching(queryParams={"": {"exact": "a"}}), "name of a query parameter is empty or too long"),
    (routes({"redirect": {"scheme": "ftp"}}), "invalid redirect scheme, must be 'http' or 'https'"),
    (routes({"directResponse": {"status": 99}}), "HTTP status 99 is not in the range 200..599"),
    (routes({"directResponse": {"status": 200, "body": {"bytes": "a"}}}), "response body is not in base64"),
    (
        routes({"directResponse": {"status": 200, "body": {"string": "a" * 1_048_577}}}),
        "response body is supposed to be at most 1048576 bytes",
    ),
    (routes({"redirect": {"uri": "/x\r\nset-cookie: a"}}), "has control characters"),
    (routes(TO | {"rewrite": {"uriRegexRewrite": {"rewrite": "/b"}}}), "requires both Rewrite and Match"),
    (routes(TO | {"rewrite": {"uriRegexRewrite": {"match": "/a"}}}), "requires both Rewrite and Match"),
    (routes(TO | {"rewrite": {"uriRegexRewrite": {"match": "(", "rewrite": "/b"}}}), "missing )"),
    (routes(TO | {"rewrite": {"authority": "a\n"}}), "rewrite authority: 'a\\n' has control characters"),
    (routes(TO | {"headers": {"request": {"add": {"a": "\x00"}}}}), "header a: '\\x00' has control"),
    (matching(uri={"regex": "("}), "regex '(': missing ): (; Istio uses RE2 style regex-based match"),
    (matching(uri={"regex": ""}), "regex string match should not be empty"),
    (matching(uri={"regex": "a(?=b)"}), "regex 'a(?=b)': invalid perl operator: (?="),
    (matching(uri={"regex": "(a)\\1"}), "invalid escape sequence: \\1"),
    (matching(headers={"x-v": {"regex": "a++"}}), "bad repetition operator: ++"),
    (matching(uri={"regex": "(?>a)"}), "invalid perl operator: (?>"),
    (matching(uri={"regex": "\\x{10FFFF}"}), "invalid escape sequence: \\x{10F"),
    (matching(uri={"regex": "a" * 1025}), "regex is too large, max length allowed is 1024"),
    (matching(uri={"regex": "(.{1,30}){1,30}" * 60}), "> max program size of 32768"),
    (matching(headers={"x v": {"exact": "1"}}), "header name 'x v' is not a valid header name"),
    (routes(TO | {"headers": {"request": {"set": {"a:b": "c"}}}}), "header name 'a:b' is not a valid header"),
    (routes(TO | {"headers": {"response": {"remove": [""]}}}), "header name '' is not a valid header name"),
    (routes({"route": [{"destination": {"host": "a_b!"}}]}), "destination host is invalid: 'a_b!'"),
    (routes({"route": [{"destination": {"host": "*"}}]}), "invalid destination host *"),
    (routes({"route": [{"destination": {"host": "x"}, "weight": -1}]}), "weight cannot be negative"),
    (routes({"route": [{"destination": {"host": "x"}, "weight": 0}] * 2}), "total destination weight = 0"),
    (routes(TO | {"retries": {"attempts": -1}}), "attempts cannot be negative"),
]


@pytest.fixture(scope="module", params=[crds.CEL_RULES, {}], ids=["by predicates", "by CEL"])
def objects(request: pytest.FixtureRequest) -> Writes:
    registry = Registry()
    registry.cel_rules.update(request.param)
    writes = Writes(Store(), registry)
    for definition in current.API.definitions():
        writes.create(Key("apiextensions.k8s.io", "customresourcedefinitions"), definition, manager="test")
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "foo"}}
    writes.create(Key("", "namespaces"), namespace, manager="test")
    return writes


def create(objects: Writes, kind: str, spec: Object, version: str = "v1") -> Object:
    """As a client would who uses this version."""
    key = gateway.KEY if kind == "Gateway" else virtual_service.KEY
    resource = objects.registry.get(key.group, version, key.plural)
    assert resource
    metadata = {"name": "x", "namespace": "foo"}
    obj = {"apiVersion": resource.api_version, "kind": kind, "metadata": metadata, "spec": spec}
    return at_once(objects.pipeline.create(resource, "foo", clone(obj), WriteOptions("test", dry_run=True)))


@pytest.mark.parametrize("spec", ACCEPTED_GATEWAYS)
def test_gateways_that_are_accepted(objects: Writes, spec: Object) -> None:
    validate_gateway({"spec": spec}, None)
    for version in ("v1", "v1beta1", "v1alpha3"):
        assert create(objects, "Gateway", spec, version)["spec"] == spec


@pytest.mark.parametrize(("spec", "reason"), REFUSED_GATEWAYS)
def test_gateways_that_are_refused(spec: Object, reason: str) -> None:
    with pytest.raises(Denied, match="configuration is invalid") as refusal:
        validate_gateway({"spec": spec}, None)
    assert reason in refusal.value.message


@pytest.mark.parametrize("spec", ACCEPTED_ROUTES)
def test_routes_that_are_accepted(objects: Writes, spec: Object) -> None:
    validate_virtual_service({"spec": spec}, None)
    for version in ("v1", "v1beta1", "v1alpha3"):
        assert create(objects, "VirtualService", spec, version)["spec"] == spec


@pytest.mark.parametrize(("spec", "reason"), REFUSED_ROUTES)
def test_routes_that_are_refused(spec: Object, reason: str) -> None:
    with pytest.raises(Denied, match="configuration is invalid") as refusal:
        validate_virtual_service({"spec": spec}, None)
    assert reason in refusal.value.message


@pytest.mark.parametrize(
    "spec", ["x", {"servers": 1}, {"http": [1], "hosts": {}}, {"servers": [{"port": "x"}]}, None]
)
def test_a_hook_survives_what_has_the_wrong_shape(spec: Any) -> None:
    for validate in (validate_gateway, validate_virtual_service):
        with pytest.raises(Denied, match="configuration is invalid"):
            validate({"spec": spec}, None)


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
def test_what_the_schemas_refuse(objects: Writes, kind: str, spec: Object, reason: str) -> None:
    with pytest.raises(ApiError) as refusal:
        create(objects, kind, spec)
    assert reason in refusal.value.message
