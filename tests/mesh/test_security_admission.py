"""What the API server refuses of RequestAuthentication and AuthorizationPolicy, and in which words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lab.kube.kinds.registry import Registry
from lab.kube.store import ApiError, Key, Store
from lab.kube.writing.writes import Writes
from lab.mesh import crds, current
from tests.mesh.issuer import ISSUER, key
from tests.mesh.test_request_security import EVERYTHING, TEMPLATES
from tools.tokens import jwks

pytestmark = pytest.mark.reference_only("asks the reference's own admission")

TOKENS = Key("security.istio.io", "requestauthentications")
ACCESS = Key("security.istio.io", "authorizationpolicies")
PEERS = Key("security.istio.io", "peerauthentications")
KINDS = {TOKENS: "RequestAuthentication", ACCESS: "AuthorizationPolicy"}
GATEWAY = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "gw"}
LABELS = {"matchLabels": {"app": "httpbin"}}
KEYS = json.dumps(jwks([key()]))


@pytest.fixture(scope="module", params=[crds.CEL_RULES, {}], ids=["by predicates", "by CEL"])
def objects(request: pytest.FixtureRequest) -> Writes:
    registry = Registry()
    registry.cel_rules.update(request.param)
    objects = Writes(Store(), registry)
    objects.create(Key("", "namespaces"), {"metadata": {"name": "foo"}}, manager="test")
    for definition in current.API.definitions():
        if definition["spec"]["group"] == "security.istio.io":
            objects.create(
                Key("apiextensions.k8s.io", "customresourcedefinitions"), definition, manager="test"
            )
    for which in (TOKENS, ACCESS, PEERS):
        objects.admit(which, current.API.admission[which])
    return objects


def put(objects: Writes, which: Key, spec: Any) -> None:
    policy = {
        "apiVersion": "security.istio.io/v1",
        "kind": KINDS[which],
        "metadata": {"name": "x", "namespace": "foo"},
        "spec": spec,
    }
    objects.create(which, policy, manager="test", dry_run=True)


def rule(**fields: Any) -> dict[str, Any]:
    return {"jwtRules": [{"issuer": ISSUER, "jwks": KEYS, **fields}]}


def only(**fields: Any) -> dict[str, Any]:
    return {"jwtRules": [fields]}


WEBHOOK = 'admission webhook "validation.istio.io" denied the request: configuration is invalid: '

REFUSED_TOKENS: list[tuple[Any, str]] = [
    (rule(audiences=[""]), "spec.jwtRules[0].audiences[0] in body should be at least 1 chars long"),
    (only(jwks=KEYS), WEBHOOK + "1 error occurred:\n\t* issuer or jwksUri must be non-empty string"),
    (only(), WEBHOOK + "1 error occurred:\n\t* issuer or jwksUri must be non-empty string"),
    (rule(jwksUri="http://x/"), "only one of jwks or jwksUri can be set"),
    (rule(jwks_uri="http://x/"), "only one of jwks or jwksUri can be set"),
    (only(issuer="x", jwks="deadbeef"), "jwks parse error: not JSON"),
    (only(issuer="x", jwks="[]"), 'jwks parse error: a JSON object with a list of "keys" is expected'),
    (only(issuer="x", jwks='{"keys":[{}]}'), "jwks parse error: key 0 has no type (kty)"),
    (only(issuer="x", jwks='{"keys":[{"kty":"XYZ"}]}'), "key 0 has the invalid type (XYZ)"),
    (only(issuer="x", jwks='{"keys":[{"kty":"RSA"}]}'), "jwks parse error: key 0 has no valid 'n'"),
    (only(issuer="x", jwksUri="ftp://x/"), "url must have scheme http:// or https://"),
    (only(issuer="x", jwksUri="x"), "url must have scheme http:// or https://"),
    (only(issuer="x", jwksUri=""), "should be at least 1 chars long"),
    (only(issuer="x", jwksUri="http://"), "jwksUri 'http://' is not a valid URL"),
    (only(issuer="x", jwksUri="http://x:99999/"), "is not a valid URL"),
    (only(issuer="x", jwksUri="http://[/"), "is not a valid URL"),
    (only(issuer="x", jwksUri="http://a b/"), "is not a valid URL"),
    (only(issuer="", jwksUri="http://x/"), "spec.jwtRules[0].issuer in body should be at least 1 chars long"),
    (rule(fromHeaders=[{"name": ""}]), "fromHeaders[0].name in body should be at least 1 chars long"),
    (rule(fromHeaders=[{"prefix": "x"}]), "spec.jwtRules[0].fromHeaders[0].name: Required value"),
    (rule(fromHeaders=[{"name": "a b"}]), "header name 'a b' is not valid"),
    (rule(fromHeaders=[{"name": "a", "prefix": "\n"}]), "header prefix '\\n' is not valid"),
    (rule(fromParams=[""]), "fromParams[0] in body should be at least 1 chars long"),
    (rule(fromCookies=[""]), "fromCookies[0] in body should be at least 1 chars long"),
    (rule(outputPayloadToHeader="a\r"), "header name 'a\\r' is not valid"),
    (rule(outputClaimToHeaders=[{"header": "", "claim": "a"}]), "header in body should be at least 1 chars"),
    (rule(outputClaimToHeaders=[{"header": "a", "claim": ""}]), "claim in body should be at least 1 chars"),
    (rule(outputClaimToHeaders=[{"header": "a b", "claim": "a"}]), "header in body should match"),
    (rule(timeout="-1s"), "must be a valid duration greater than 1ms"),
    (rule(timeout="0"), "must be a valid duration greater than 1ms"),
    ({"selector": LABELS, "targetRef": GATEWAY}, "only one of targetRefs or selector can be set"),
    ({"selector": LABELS, "targetRefs": [GATEWAY]}, "only one of targetRefs or selector can be set"),
    ({"targetRef": GATEWAY, "targetRefs": [GATEWAY]}, "only one of targetRefs or selector can be set"),
    (
        {"targetRef": {**GATEWAY, "namespace": "bar"}},
        "cross namespace referencing is not currently supported",
    ),
    ({"targetRef": {"kind": "Gateway"}}, "spec.targetRef.name: Required value"),
    ({"selector": {"matchLabels": {"": "x"}}}, "key must not be empty"),
    ({"selector": {"matchLabels": {"a": "*"}}}, "wildcard not allowed in label value match"),
    ({"jwtRules": [{"issuer": "a", "jwks": "x"}, {}]}, "2 errors occurred:"),
    ({"jwtRules": {}}, "must be of type array"),
]


@pytest.mark.parametrize(("spec", "why"), REFUSED_TOKENS)
def test_request_authentications_that_are_refused(objects: Writes, spec: Any, why: str) -> None:
    with pytest.raises(ApiError) as error:
        put(objects, TOKENS, spec)
    assert why in error.value.message


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"jwtRules": []},
        {"selector": LABELS},
        {"targetRefs": [GATEWAY, GATEWAY]},
        rule(),
        {"jwtRules": [*rule()["jwtRules"], *rule(audiences=["x"])["jwtRules"]]},
        only(issuer="https://discovered.example"),
        only(jwksUri="http://httpbin.legacy:8000/base64/e30="),
        only(issuer="x", jwks_uri="https://[::1]:8443/keys?x=y", timeout="500ms"),
        only(issuer="x", jwks='{"keys": []}'),
        only(issuer="x", jwks='{"keys": [{"kty": "oct", "k": "AAAA"}]}'),
        rule(fromHeaders=[{"name": "x-a", "prefix": "Bearer "}], fromParams=["a"], fromCookies=["b"]),
        rule(outputPayloadToHeader="x", outputClaimToHeaders=[{"header": "x-a_B", "claim": "a.b"}]),
        rule(forwardOriginalToken=True, spaceDelimitedClaims=["a"]),
    ],
)
def test_request_authentications_that_are_taken(objects: Writes, spec: Any) -> None:
    put(objects, TOKENS, spec)


def deny(*rules: Any, **fields: Any) -> dict[str, Any]:
    return {"action": "DENY", "rules": list(rules), **fields}


def source(**fields: Any) -> dict[str, Any]:
    return {"from": [{"source": fields}]}


def to(**fields: Any) -> dict[str, Any]:
    return {"to": [{"operation": fields}]}


def when(name: str, **values: Any) -> dict[str, Any]:
    return {"when": [{"key": name, **(values or {"values": ["x"]})}]}


def custom(*rules: Any) -> dict[str, Any]:
    return {"action": "CUSTOM", "provider": {"name": "opa"}, "rules": list(rules)}


UNSUPPORTED = "foo/x has unsupported annotation istio.io/dry-run, please remove the annotation"
MEANINGLESS = "action without `rules` is meaningless as it will never be triggered"
NOT_CUSTOM = "is currently not supported with CUSTOM action"

REFUSED_ACCESS: list[tuple[Any, str]] = [
    (
        {"action": "PERMIT"},
        'Unsupported value: "PERMIT": supported values: "ALLOW", "DENY", "AUDIT", "CUSTOM"',
    ),
    ({"action": "DENY"}, f"{WEBHOOK}invalid policy x.foo: DENY {MEANINGLESS}"),
    (deny(), f"DENY {MEANINGLESS}"),
    (custom(), f"CUSTOM {MEANINGLESS}"),
    ({"action": "CUSTOM", "provider": {"name": "x"}}, f"CUSTOM {MEANINGLESS}"),
    ({"action": "CUSTOM", "rules": [{}]}, "`provider.name` must not be empty"),
    ({"action": "CUSTOM", "rules": [{}], "provider": {"name": ""}}, "`provider.name` must not be empty"),
    (deny({}, provider={"name": "x"}), "`provider` must not be with non CUSTOM action, found DENY"),
    ({"provider": {"name": "x"}}, "`provider` must not be with non CUSTOM action, found ALLOW"),
    (deny({"from": [{}]}), "`from.source` must not be nil, found at rule 0"),
    (deny({"to": [{}]}), "`to.operation` must not be nil, found at rule 0"),
    (deny(source()), "`from.source` must not be empty, found at rule 0"),
    (deny(to()), "`to.operation` must not be empty, found at rule 0"),
    (deny(source(principals=[])), "`from.source` must not be empty, found at rule 0"),
    (deny(source(principals=[""])), "empty value not allowed, found in Principals"),
    (deny(source(notRequestPrincipals=["a", ""])), "empty value not allowed, found in NotRequestPrincipals"),
    (deny(to(notHosts=[""])), "empty value not allowed, found in NotHosts"),
    (deny(source(ipBlocks=["1.2.3"])), "bad IP address or CIDR range (1.2.3), found in IpBlocks"),
    (deny(source(notIpBlocks=["1.2.3.4/33"])), "bad IP address or CIDR range (1.2.3.4/33)"),
    (deny(source(remoteIpBlocks=["1.2.3.4/255.0.0.0"])), "bad IP address or CIDR range"),
    (deny(source(notRemoteIpBlocks=["fe80::1%eth0"])), "bad IP address or CIDR range"),
    (deny(source(serviceAccounts=["a/b/c"])), "bad service account (a/b/c), found in ServiceAccounts"),
    (deny(source(serviceAccounts=["*"])), "bad service account (*)"),
    (deny(source(serviceAccounts=["a"] * 17)), "must have at most 16 items"),
    (
        deny(source(serviceAccounts=["a"], principals=["b"])),
        "Cannot set serviceAccounts with namespaces or principals",
    ),
    (
        deny(source(notServiceAccounts=["a"], notNamespaces=["b"])),
        "Cannot set serviceAccounts with namespaces or principals",
    ),
    (deny(to(ports=["http"])), "bad port (http), found in Ports"),
    (deny(to(notPorts=["65536"])), "bad port (65536), found in NotPorts"),
    (deny(to(ports=["-1"])), "bad port (-1)"),
    (deny(when("")), "`key` must not be empty"),
    (
        deny({"when": [{"key": "source.ip"}]}),
        "at least one of `values` or `notValues` must be set for key source.ip",
    ),
    (deny(when("source.ip")), "invalid `value` for `key` source.ip: bad IP address or CIDR range (x)"),
    (deny(when("destination.ip", notValues=["x"])), "invalid `notValue` for `key` destination.ip"),
    (deny(when("destination.port")), "invalid `value` for `key` destination.port: bad port (x)"),
    (deny(when("source.namespace", values=[""])), "empty value not allowed"),
    (deny(when("source.unheard")), "unknown attribute: source.unheard"),
    (deny(when("destination.labels[version]")), "unknown attribute: destination.labels[version]"),
    (deny(when("request.headers")), "bad key (request.headers): should have format a[b]"),
    (deny(when("request.headers[]")), "bad key (request.headers[]): should have format a[b]"),
    (deny(when("request.headers[a][b]")), "should have format a[b]"),
    (deny(when("request.headers[a")), "should have format a[b]"),
    (deny(when("request.headers[a b]")), "'a b' is not the name of a header"),
    (deny(when("request.auth.claims[a]b")), "should have format a[b]"),
    (deny(when("experimental.envoy.filters.a")), "should have format a[b]"),
    ({"selector": LABELS, "targetRef": GATEWAY}, "only one of targetRefs or selector can be set"),
    (custom(source(principals=["a"])), f"From.Principals {NOT_CUSTOM}"),
    (custom(source(notNamespaces=["a"])), f"From.NotNamespaces {NOT_CUSTOM}"),
    (custom(source(serviceAccounts=["a"])), f"From.ServiceAccounts {NOT_CUSTOM}"),
    (custom(source(trustDomains=["a"])), f"From.TrustDomains {NOT_CUSTOM}"),
    (custom(source(requestPrincipals=["a"])), f"From.RequestPrincipals {NOT_CUSTOM}"),
    (custom(when("source.principal")), f"source.principal {NOT_CUSTOM}"),
    (custom(when("request.auth.claims[a]")), f"request.auth.claims[a] {NOT_CUSTOM}"),
    ({"rules": {}}, "must be of type array"),
    ({"rules": [{"to": [{"operation": {"paths": "/x"}}]}]}, "must be of type array"),
]


@pytest.mark.parametrize(("spec", "why"), REFUSED_ACCESS)
def test_authorization_policies_that_are_refused(objects: Writes, spec: Any, why: str) -> None:
    with pytest.raises(ApiError) as error:
        put(objects, ACCESS, spec)
    assert why in error.value.message


def tried_out(objects: Writes, which: Key, spec: Any, answer: str) -> None:
    kind = KINDS.get(which, "PeerAuthentication")
    metadata = {"name": "x", "namespace": "foo", "annotations": {"istio.io/dry-run": answer}}
    policy = {"apiVersion": "security.istio.io/v1", "kind": kind, "metadata": metadata, "spec": spec}
    objects.create(which, policy, manager="test", dry_run=True)


@pytest.mark.parametrize("answer", ["true", "false", "1", "F"])
def test_a_dry_run_that_is_asked_for_or_not(objects: Writes, answer: str) -> None:
    tried_out(objects, ACCESS, deny({}), answer)


@pytest.mark.parametrize(
    ("which", "spec", "answer", "why"),
    [
        (ACCESS, deny({}), "yes", 'invalid value (yes): strconv.ParseBool: parsing "yes": invalid syntax'),
        (ACCESS, deny({}), "", "foo/x has annotation istio.io/dry-run with invalid value ()"),
        (
            ACCESS,
            {"action": "AUDIT", "rules": [{}]},
            "true",
            "only supports action ALLOW/DENY, found action AUDIT",
        ),
        (ACCESS, custom({}), "false", "only supports action ALLOW/DENY, found action CUSTOM in foo/x"),
        (
            TOKENS,
            {},
            "true",
            "foo/x has unsupported annotation istio.io/dry-run, please remove the annotation",
        ),
        (
            PEERS,
            {},
            "false",
            "foo/x has unsupported annotation istio.io/dry-run, please remove the annotation",
        ),
    ],
)
def test_a_dry_run_that_nobody_can_obey(
    objects: Writes, which: Key, spec: Any, answer: str, why: str
) -> None:
    with pytest.raises(ApiError) as error:
        tried_out(objects, which, spec, answer)
    assert why in error.value.message


UNREADABLE = [
    "/{name}/{*}",
    "/{name=*}/{**}",
    "/{}/{*}",
    "/*/{*}",
    "/{*}/*",
    "/**/{*}",
    "/{**}/{*}",
    "/{**}/{**}",
    "{*}",
    "//{*}",
    "/ä/{*}",
    "/a b/{*}",
    "/a?b/{*}",
    "/a#b/{*}",
    "/a{*}",
    "/{*}./",
    "/{*}{*}",
    '/"/{*}',
    "/anything/{id}",
    "/{",
    "/}",
    "/a/{*}.jpg",
    "/a/{**}.m3u8",
    "/" + "x" * 256 + "/{*}",
]


@pytest.mark.parametrize("path", UNREADABLE)
def test_path_templates_that_no_proxy_could_read(objects: Writes, path: str) -> None:
    for field in ("paths", "notPaths"):
        with pytest.raises(ApiError, match="invalid or unsupported path"):
            put(objects, ACCESS, deny(to(**{field: [path]})))


def test_path_templates_that_they_can(objects: Writes) -> None:
    put(objects, ACCESS, deny(to(paths=TEMPLATES)))


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"action": "ALLOW"},
        {"rules": []},
        {"rules": [{"from": []}]},
        deny({"to": []}),
        {"action": "AUDIT"},
        deny({}),
        custom({}),
        custom(to(paths=["/x"]) | when("request.headers[x]") | source(ipBlocks=["1.2.3.4"])),
        deny(EVERYTHING),
        {"targetRef": GATEWAY, "rules": [{}]},
        {"selector": LABELS},
        deny(when("request.headers[:path]")),
    ],
)
def test_authorization_policies_that_are_taken(objects: Writes, spec: Any) -> None:
    put(objects, ACCESS, spec)
