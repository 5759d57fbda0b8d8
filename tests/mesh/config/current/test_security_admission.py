"""What the API server refuses of RequestAuthentication and AuthorizationPolicy, and in which words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.mesh.admission import WEBHOOK, Admission
from tests.mesh.config.current.test_request_security import EVERYTHING, TEMPLATES
from tests.mesh.issuer import ISSUER, key
from tools.tokens import jwks

TOKENS, ACCESS, PEERS = "RequestAuthentication", "AuthorizationPolicy", "PeerAuthentication"
GATEWAY = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "gw"}
LABELS = {"matchLabels": {"app": "httpbin"}}
KEYS = json.dumps(jwks([key()]))


def rule(**fields: Any) -> dict[str, Any]:
    return {"jwtRules": [{"issuer": ISSUER, "jwks": KEYS, **fields}]}


def only(**fields: Any) -> dict[str, Any]:
    return {"jwtRules": [fields]}


REFUSED_TOKENS: list[tuple[Any, str]] = [
    (rule(audiences=[""]), "spec.jwtRules[0].audiences[0] in body should be at least 1 chars long"),
    (only(jwks=KEYS), WEBHOOK + "1 error occurred:\n\t* issuer or jwksUri must be non-empty string"),
    (only(), WEBHOOK + "1 error occurred:\n\t* issuer or jwksUri must be non-empty string"),
    (rule(jwksUri="http://x/"), "only one of jwks or jwksUri can be set"),
    (rule(jwks_uri="http://x/"), "only one of jwks or jwksUri can be set"),
    (only(issuer="x", jwks="deadbeef"), "jwks parse error: failed to unmarshal JWK set: "),
    (only(issuer="x", jwks="[]"), "jwks parse error: failed to unmarshal JWK set: expected '{'"),
    (
        only(issuer="x", jwks='{"keys":[{}]}'),
        'failed to decode key #0 in "keys": invalid key type from JSON ()',
    ),
    (only(issuer="x", jwks='{"keys":[{"kty":"XYZ"}]}'), "invalid key type from JSON (XYZ)"),
    (only(issuer="x", jwks='{"keys":[{"kty":"RSA"}]}'), "required field e is missing"),
    (only(issuer="x", jwksUri="ftp://x/"), "url must have scheme http:// or https://"),
    (only(issuer="x", jwksUri="x"), "url must have scheme http:// or https://"),
    (only(issuer="x", jwksUri=""), "should be at least 1 chars long"),
    *(
        (only(issuer="x", jwksUri=uri), "spec.jwtRules[0].jwksUri: Invalid value: ")
        for uri in (
            "http://[/",
            "http://a b/",
            "http://x:y/",
            "http://%41/",
            "http://a/%zz",
            "http://[fe80::1%eth0]/",
            "http://a b@c/",
            "http://x/\x7f",
        )
    ),
    (
        only(issuer="x", jwks='{"keys":[{"kty":"RSA","n":"!","e":"AQAB"}]}'),
        "failed to decode value for key n",
    ),
    (only(issuer="x", jwks='{"keys":[{"kty":"EC","x":"AA","y":"AA"}]}'), "required field crv is missing"),
    (
        only(issuer="x", jwks='{"keys":[{"kty":"oct","k":"AA","kid":1}]}'),
        "failed to decode value for key kid",
    ),
    (only(issuer="x", jwks='{"keys":{}}'), 'failed to decode "keys"'),
    (only(issuer="x", jwks="{}"), "failed to parse sole key in key set: invalid key type from JSON ()"),
    (only(issuer="x", timeout="1.5ms"), "only durations to ms precision are supported"),
    (
        {"targetRef": {"kind": "Pod", "name": "a"}},
        "targetRef must be to one of [core/v1/Service networking.istio.io/v1/ServiceEntry "
        "gateway.networking.k8s.io/v1/Gateway gateway.networking.k8s.io/v1/GatewayClass] but was /Pod",
    ),
    (only(issuer="", jwksUri="http://x/"), "spec.jwtRules[0].issuer in body should be at least 1 chars long"),
    (rule(fromHeaders=[{"name": ""}]), "fromHeaders[0].name in body should be at least 1 chars long"),
    (rule(fromHeaders=[{"prefix": "x"}]), "spec.jwtRules[0].fromHeaders[0].name: Required value"),
    (rule(fromParams=[""]), "fromParams[0] in body should be at least 1 chars long"),
    (rule(fromCookies=[""]), "fromCookies[0] in body should be at least 1 chars long"),
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
def test_request_authentications_that_are_refused(admission: Admission, spec: Any, why: str) -> None:
    assert why in admission.refusal(TOKENS, spec)


TAKEN_TOKENS: list[Any] = [
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
    only(jwksUri="http://"),
    only(jwksUri="http://x:99999/"),
    only(jwksUri="http://a/b c?d e"),
    only(issuer="x", jwks='{"kty": "oct", "k": ""}'),
    only(issuer="x", jwks='{"keys": []}{}'),
    only(issuer="x", jwks='{"keys": [{"kty": "EC", "crv": "P-999", "x": "", "y": null}]}'),
    rule(fromHeaders=[{"name": "a b", "prefix": "\t"}], outputPayloadToHeader="x:y"),
    {"targetRefs": [{"kind": "Service", "name": "a"}, {**GATEWAY, "kind": "GatewayClass"}]},
]


@pytest.mark.parametrize("spec", TAKEN_TOKENS)
def test_request_authentications_that_are_taken(admission: Admission, spec: Any) -> None:
    assert admission.refusal(TOKENS, spec) == ""


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


def on_port(port: str) -> dict[str, Any]:
    return {"selector": LABELS, "portLevelMtls": {port: {"mode": "STRICT"}}}


UNSUPPORTED = "has unsupported annotation istio.io/dry-run, please remove the annotation"
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
    (deny(source(ipBlocks=["1.2.3"])), "1 error occurred:\n\t* invalid policy x.foo: bad IP address (1.2.3)"),
    (deny(source(notIpBlocks=["1.2.3.4/33"])), "bad CIDR range (1.2.3.4/33): "),
    (deny(source(remoteIpBlocks=["1.2.3.4/255.0.0.0"])), "bad CIDR range (1.2.3.4/255.0.0.0)"),
    (deny(source(notRemoteIpBlocks=["fe80::1%eth0/8"])), "bad CIDR range (fe80::1%eth0/8)"),
    (deny(source(ipBlocks=["01.2.3.4", "x"])), "2 errors occurred:\n\t* invalid policy x.foo: bad IP"),
    (deny(source(ipBlocks=["1.2.3.4/08"])), "bad CIDR range (1.2.3.4/08)"),
    (
        deny(source(serviceAccounts=["a/b/c"])),
        "expected format 'serviceAccount' or 'namespace/serviceAccount', found \"a/b/c\" in ServiceAccounts",
    ),
    (deny(source(notServiceAccounts=["/a"])), 'found empty namespace "/a" in NotServiceAccounts'),
    (deny(source(serviceAccounts=["a/"])), 'found empty serviceAccount "a/" in ServiceAccounts'),
    (deny(source(serviceAccounts=["a" * 321])), "Too long: may not be more than 320 bytes"),
    (deny(source(trustDomains=["a/b"])), "trust domain must not contain '/', found in TrustDomains: \"a/b\""),
    (deny(source(notTrustDomains=["a*b"])), "wildcard is only allowed at the start or end, found in NotTru"),
    (deny(when("source.trustDomain", values=["*a*"])), "at most one wildcard is allowed, found in source.tr"),
    (deny(source(serviceAccounts=["*"])), "wildcard not allowed, found in ServiceAccounts"),
    (deny(source(serviceAccounts=["a"] * 17)), "must have at most 16 items"),
    (
        deny(source(serviceAccounts=["a"], principals=["b"])),
        "Cannot set serviceAccounts with namespaces or principals",
    ),
    (
        deny(source(notServiceAccounts=["a"], notNamespaces=["b"])),
        "Cannot set serviceAccounts with namespaces or principals",
    ),
    (deny(to(ports=["http"])), "1 error occurred:\n\t* invalid policy x.foo: bad port (http): "),
    (deny(to(paths=["{", "{*"])), "invalid policy x.foo: invalid or unsupported path {, found in Paths. "),
    (deny(to(notPorts=["65536"])), "bad port (65536): "),
    (deny(to(ports=["-1"])), "bad port (-1)"),
    (deny(when("")), "`key` must not be empty"),
    (
        deny({"when": [{"key": "source.ip"}]}),
        "at least one of `values` or `notValues` must be set for key source.ip",
    ),
    (
        deny(when("source.ip")),
        "invalid `value` for `key` source.ip: 1 error occurred:\n\t* bad IP address (x)",
    ),
    (deny(when("destination.ip", notValues=["x"])), "invalid `notValue` for `key` destination.ip"),
    (
        deny(when("destination.port")),
        "invalid `value` for `key` destination.port: 1 error occurred:\n\t* bad port (x): ",
    ),
    (deny(when("source.namespace", values=[""])), "empty value not allowed"),
    (deny(when("source.unheard")), "unknown attribute: source.unheard"),
    (
        deny(when("destination.labels[version]")),
        "2 errors occurred:\n\t* invalid policy x.foo: invalid `value` for `key` "
        "destination.labels[version]: attribute destination.labels[version] is replaced by the workload",
    ),
    (deny(when("destination.user")), "deprecated attribute destination.user: only supported in v1alpha1"),
    (deny(when("request.headers")), "bad key (request.headers): should have format a[b]"),
    (deny(when("request.headers[]")), "bad key (request.headers[]): should have format a[b]"),
    (deny(when("request.headers[a")), "should have format a[b]"),
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
    (custom(when("request.auth.presenter")), f"request.auth.presenter {NOT_CUSTOM}"),
    ({"action": "DENI", "rules": [{"to": [{"operation": {"paths": [""]}}]}]}, "Unsupported value"),
    ({"rules": {}}, "must be of type array"),
    ({"rules": [{"to": [{"operation": {"paths": "/x"}}]}]}, "must be of type array"),
]


@pytest.mark.parametrize(("spec", "why"), REFUSED_ACCESS)
def test_authorization_policies_that_are_refused(admission: Admission, spec: Any, why: str) -> None:
    assert why in admission.refusal(ACCESS, spec)


@pytest.mark.parametrize("answer", ["true", "false", "1", "F"])
def test_a_dry_run_that_is_asked_for_or_not(admission: Admission, answer: str) -> None:
    assert admission.refusal(ACCESS, deny({}), {"istio.io/dry-run": answer}) == ""


REFUSED_ANNOTATIONS: list[tuple[str, Any, dict[str, str], str]] = [
    (
        ACCESS,
        deny({}),
        {"istio.io/dry-run": "yes"},
        'invalid value (yes): strconv.ParseBool: parsing "yes": invalid syntax',
    ),
    (ACCESS, deny({}), {"istio.io/dry-run": ""}, "has annotation istio.io/dry-run with invalid value ()"),
    (
        ACCESS,
        {"action": "AUDIT", "rules": [{}]},
        {"istio.io/dry-run": "true"},
        "only supports action ALLOW/DENY, found action AUDIT",
    ),
    (
        ACCESS,
        custom({}),
        {"istio.io/dry-run": "false"},
        "only supports action ALLOW/DENY, found action CUSTOM in",
    ),
    (TOKENS, {}, {"istio.io/dry-run": "true"}, UNSUPPORTED),
    (PEERS, {}, {"istio.io/dry-run": "false"}, UNSUPPORTED),
    ("Gateway", {}, {"istio.io/dry-run": "false"}, UNSUPPORTED),
    (PEERS, {}, {"internal.istio.io/parents": "a"}, "annotation found, this may not be set by users"),
    (ACCESS, deny(), {"internal.istio.io/parent-namespace": "a"}, "this may not be set by users"),
    ("VirtualService", {}, {"internal.istio.io/webhook-always-reject": ""}, "annotation found, rejecting"),
]


@pytest.mark.parametrize(("kind", "spec", "annotations", "why"), REFUSED_ANNOTATIONS)
def test_annotations_that_are_refused(
    admission: Admission, kind: str, spec: Any, annotations: dict[str, str], why: str
) -> None:
    assert why in admission.refusal(kind, spec, annotations)


REFUSED_PEERS: list[tuple[Any, str]] = [
    ({"portLevelMtls": {"80": {}}}, "portLevelMtls requires selector"),
    (on_port("0"), "port must be between 1-65535"),
    (on_port("+80"), "error decoding configuration: invalid character '+' looking for beginning of value"),
    (on_port("080"), "error decoding configuration: invalid character '8' after top-level value"),
]


@pytest.mark.parametrize(("spec", "why"), REFUSED_PEERS)
def test_peer_authentications_that_are_refused(admission: Admission, spec: Any, why: str) -> None:
    assert why in admission.refusal(PEERS, spec)


BEYOND = "Contains '{' or '}' beyond a supported path template"
LITERAL = "with invalid string literal"
LAST = "{**} is not the last operator"
REFUSED_PATHS = {
    "/{name}/{*}": BEYOND,
    "/{name=*}/{**}": BEYOND,
    "/{}/{*}": BEYOND,
    "/*/{*}": LITERAL,
    "/{*}/*": LITERAL,
    "/**/{*}": LITERAL,
    "/{**}/{*}": LAST,
    "/{**}/{**}": LAST,
    "/a//{*}": "Contains segment  with invalid string literal",
    "/ä/{*}": LITERAL,
    "/a b/{*}": LITERAL,
    "/a?b/{*}": LITERAL,
    "/a#b/{*}": LITERAL,
    "/a{*}": BEYOND,
    "/{*}./": BEYOND,
    "/{*}{*}": BEYOND,
    '/"/{*}': LITERAL,
    "/anything/{id}": BEYOND,
    "/{": BEYOND,
    "/}": BEYOND,
    "/a/{*}.jpg": BEYOND,
    "/a/{**}.m3u8": BEYOND,
}
"""With why Istio refuses them."""
UNSERVABLE_PATHS = ("{*}", "{**}", "//{*}", "/{**}//", "/" + "x" * 256 + "/{*}")
"""Istio takes them, and Envoy ends over them."""


@pytest.mark.parametrize(("path", "why"), REFUSED_PATHS.items())
def test_path_templates_that_are_refused(admission: Admission, path: str, why: str) -> None:
    for field in ("paths", "notPaths"):
        assert why in admission.refusal(ACCESS, deny(to(**{field: [path]})))


@pytest.mark.parametrize("path", UNSERVABLE_PATHS)
def test_path_templates_that_end_a_proxy(admission: Admission, path: str) -> None:
    for field in ("paths", "notPaths"):
        assert admission.refuses_alone(ACCESS, deny(to(**{field: [path]})), "no proxy can read")


def test_path_templates_that_proxies_can_read(admission: Admission) -> None:
    assert admission.refusal(ACCESS, deny(to(paths=TEMPLATES))) == ""


TAKEN_ACCESS: list[Any] = [
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
    deny(when("request.headers[X Y]")),
    deny(when("request.headers[a][b]")),
    deny(when("request.auth.claims[a[b]")),
    deny(when("experimental.envoy.filters.a[b][c]")),
    deny(to(ports=["080"])),
    deny(source(remoteIpBlocks=["fe80::1%eth0"])),
    deny(source(trustDomains=["*.local", "a*", "*"])),
    {"action": "DENY", "targetRefs": [GATEWAY], "rules": [{"from": [], "to": [], "when": []}]},
]


@pytest.mark.parametrize("spec", TAKEN_ACCESS)
def test_authorization_policies_that_are_taken(admission: Admission, spec: Any) -> None:
    assert admission.refusal(ACCESS, spec) == ""


UNSERVABLE = [
    (TOKENS, rule(fromHeaders=[{"name": "a\n"}]), 'header name "a\\n" is not valid'),
    (TOKENS, rule(fromHeaders=[{"name": "a", "prefix": "\x00"}]), 'header prefix "\\x00" is not valid'),
    (TOKENS, rule(outputPayloadToHeader="a\r"), 'header name "a\\r" is not valid'),
    (ACCESS, deny(when("request.headersx[a]")), "unknown attribute: request.headersx[a]"),
    (ACCESS, deny(when("request.headers[a\n]")), "bad key (request.headers[a\n]): should have format a[b]"),
    (ACCESS, deny(when("request.auth.claims[a][]")), "unknown attribute: request.auth.claims[a][]"),
]
"""What Istio takes; docs/differences.md says why the reference does not."""


@pytest.mark.parametrize(("kind", "spec", "why"), UNSERVABLE)
def test_what_no_proxy_can_be_told(admission: Admission, kind: str, spec: Any, why: str) -> None:
    assert admission.refuses_alone(kind, spec, why)
