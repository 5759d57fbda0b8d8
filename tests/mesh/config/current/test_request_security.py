"""Which policies concern a workload or a gateway, and what follows from all of them; without any proxy."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lab.mesh.config import current
from lab.mesh.config.current import authorization_policy, policies, security
from lab.mesh.config.current.attachment import Target
from lab.mesh.config.key_source import KeySource
from lab.mesh.control_plane.controller import ReferenceMesh
from lab.mesh.model.authorization import Attribute, Authorization, Condition
from lab.mesh.model.proxy_config import RequestSecurity
from lab.mesh.model.tokens import JwtRule, TokenHeader
from lab.mesh.workloads.service_registry import ServiceRegistry
from tests.mesh.cluster import Cluster, playground
from tests.mesh.issuer import Issuer, key
from tests.mesh.validation import assert_envoy_finds_nothing_wrong

pytestmark = pytest.mark.reference_only("asks the reference's own model")

SIDECAR = Target("foo", {"app": "httpbin", "version": "v1"})


def concluded(
    cluster: Cluster, target: Target, trust_domain: str = "cluster.local", **options: Any
) -> RequestSecurity:
    registry = ServiceRegistry(trust_domain, "istio-system")
    return security.request_security(policies.read(cluster.store, registry, **options), target)


def test_rules_add_up_by_issuer_and_those_of_the_own_namespace_go_first() -> None:
    cluster = Cluster()
    cluster.tokens("foo", {"issuer": "b", "jwks": "1"}, {"issuer": "a", "jwks": "2"}, name="old", second=1)
    cluster.tokens("istio-system", {"issuer": "a", "jwks": "3"}, name="oldest", second=0)
    cluster.tokens("foo", {"issuer": "b", "jwks": "4"}, name="new", second=2)
    cluster.tokens("foo", name="empty")
    found = concluded(cluster, SIDECAR).jwt_rules
    assert [(rule.issuer, rule.jwks) for rule in found] == [("a", "2"), ("a", "3"), ("b", "1"), ("b", "4")]


def test_everything_a_rule_can_say() -> None:
    cluster = Cluster()
    cluster.tokens(
        "foo",
        {
            "issuer": "me",
            "audiences": ["a"],
            "jwks": "keys",
            "fromHeaders": [{"name": "x", "prefix": "P "}, {"name": "y"}],
            "fromParams": ["p"],
            "fromCookies": ["c"],
            "outputPayloadToHeader": "out",
            "forwardOriginalToken": True,
            "spaceDelimitedClaims": ["s"],
        },
    )
    assert concluded(cluster, SIDECAR).jwt_rules == (
        JwtRule(
            issuer="me",
            jwks="keys",
            audiences=("a",),
            from_headers=(TokenHeader("x", "P "), TokenHeader("y")),
            from_params=("p",),
            from_cookies=("c",),
            output_payload_to_header="out",
            forward_original_token=True,
            space_delimited_claims=("s",),
        ),
    )


def test_where_keys_come_from() -> None:
    cluster = Cluster()
    rules = [
        {"issuer": "inline", "jwks": "keys"},
        {"issuer": "uri", "jwksUri": "http://a/"},
        {"issuer": "old name", "jwks_uri": "http://b/", "timeout": "10ms"},
        {"issuer": "https://discovered"},
    ]
    cluster.tokens("foo", *rules)
    a, b = KeySource("http://a/"), KeySource("http://b/", timeout=0.01)
    discovered = KeySource(issuer="https://discovered")
    declared = policies.read(cluster.store, ServiceRegistry("cluster.local", "istio-system"))
    assert {source for source, _ in declared.key_askers} == {a, b, discovered}
    found = concluded(cluster, SIDECAR, key_sets={a: "A", discovered: "D"}).jwt_rules
    assert {rule.issuer: rule.jwks for rule in found} == {
        "inline": "keys",
        "uri": "A",
        "old name": None,
        "https://discovered": "D",
    }


def names(rules: Any) -> list[str]:
    return [rule.name for rule in rules]


def test_policies_by_action() -> None:
    cluster = Cluster()
    assert concluded(cluster, SIDECAR).authorization == Authorization()
    cluster.access("foo", "ALLOW", name="none")
    assert concluded(cluster, SIDECAR).authorization == Authorization(allow=())
    cluster.access("foo", "ALLOW", {}, {}, name="two", second=2)
    cluster.access("istio-system", "ALLOW", {}, name="root", second=1)
    cluster.access("foo", "DENY", {}, name="no")
    cluster.access("foo", "AUDIT", {}, name="hm")
    cluster.access("foo", "CUSTOM", {}, name="you", provider={"name": "x"})
    cluster.access("foo", "ALLOW", {}, name="dry", annotations={"istio.io/dry-run": "true"})
    found = concluded(cluster, SIDECAR).authorization
    assert names(found.allow) == [
        "ns[istio-system]-policy[root]-rule[0]",
        "ns[foo]-policy[two]-rule[0]",
        "ns[foo]-policy[two]-rule[1]",
    ]
    assert names(found.deny) == ["ns[foo]-policy[no]-rule[0]"]
    assert names(found.audit) == ["ns[foo]-policy[hm]-rule[0]"]
    assert names(found.custom) == ["ns[foo]-policy[you]-rule[0]"]


def test_an_empty_spec_allows_nothing() -> None:
    cluster = Cluster()
    metadata = {"name": "x", "namespace": "foo", "creationTimestamp": "2024-05-01T00:00:00Z"}
    cluster.store.put(authorization_policy.KEY, {"metadata": metadata, "spec": {}})
    assert concluded(cluster, SIDECAR).authorization == Authorization(allow=())


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("cluster.local/ns/foo/sa/x", "td/ns/foo/sa/x"),
        ("td/ns/foo/sa/x", "td/ns/foo/sa/x"),
        ("other/ns/foo/sa/x", "other/ns/foo/sa/x"),
        ("*/ns/foo/sa/x", "*/ns/foo/sa/x"),
        ("cluster.local/*", "cluster.local/*"),
        ("*", "*"),
    ],
)
def test_cluster_local_is_the_meshs_own_trust_domain(written: str, meant: str) -> None:
    cluster = Cluster()
    when = [{"key": "source.principal", "values": [written]}]
    cluster.access("foo", "DENY", {"from": [{"source": {"notPrincipals": [written]}}], "when": when})
    [rule] = concluded(cluster, SIDECAR, "td").authorization.deny
    assert rule.sources == ((Condition(Attribute.PRINCIPAL, (meant,), negated=True),),)
    assert rule.conditions == (Condition(Attribute.PRINCIPAL, (meant,)),)


def test_a_service_account_is_one_of_the_policys_namespace() -> None:
    cluster = Cluster()
    cluster.access("istio-system", "DENY", {"from": [{"source": {"serviceAccounts": ["a", "bar/b"]}}]})
    [rule] = concluded(cluster, SIDECAR).authorization.deny
    assert rule.sources == ((Condition(Attribute.SERVICE_ACCOUNT, ("istio-system/a", "bar/b")),),)


TEMPLATES = [
    "/{*}/x/{**}",
    "/{**}",
    "/{*}",
    "/{*}/{*}/{*}/{*}/{*}/{*}/{*}",
    "/{*}/",
    "/a%20b/{*}",
    "/$&'()+,;=:@!~_-./{*}",
    "/" + "x" * 200 + "/{**}",
]
"""Paths that Envoy can read. It terminates on others, which is why admission has to know them."""

EVERYTHING: dict[str, Any] = {
    "from": [
        {
            "source": {
                "principals": ["a", "*b", "c*", "*", "*(["],
                "requestPrincipals": ["*", "a/*", "*/b", "c", "*d", "e*", "**/x", "x/y*"],
                "namespaces": ["a", "*b", "c*", "(["],
                "notIpBlocks": ["1.2.3.4", "10.0.0.0/8", "::1", "fe80::/10"],
                "remoteIpBlocks": ["1.2.3.4/32"],
                "trustDomains": ["a*", "(["],
            }
        },
        {"source": {"serviceAccounts": ["a", "b/c", "é (["]}},
    ],
    "to": [
        {
            "operation": {
                "hosts": ["a", "*b", "c*", "*", "**"],
                "ports": ["0", "65535"],
                "methods": ["GET", "*"],
                "paths": ["/a", "*b", "/c*", "*", "/ä", *TEMPLATES],
                "notPaths": ["/x"],
            }
        }
    ],
    "when": [
        {"key": "request.headers[:x|y]", "values": ["*", "a"], "notValues": ["b*"]},
        {"key": "request.auth.claims[a][b]", "values": ["x", "*y"]},
        {"key": "request.auth.audiences", "values": ["x"]},
        {"key": "request.auth.presenter", "notValues": ["x"]},
        {"key": "connection.sni", "values": ["*.x"]},
        {"key": "destination.ip", "values": ["::/0"]},
        {"key": "experimental.envoy.filters.network.mysql_proxy[db.t]", "values": ["[x]", "y"]},
    ],
}


def test_envoy_finds_nothing_wrong(tmp_path: Path) -> None:
    """With all that policies can say, and the strangest that admission lets pass."""
    cluster = playground()
    for action in ("ALLOW", "DENY", "AUDIT"):
        cluster.access("foo", action, EVERYTHING, {}, name=action.lower())
    cluster.access("foo", "CUSTOM", {"to": EVERYTHING["to"]}, name="custom", provider={"name": "x"})
    places = {
        "fromHeaders": [{"name": "x", "prefix": "é "}],
        "fromParams": ["p q"],
        "fromCookies": ["c;d"],
        "outputPayloadToHeader": "out",
        "outputClaimToHeaders": [{"header": "h", "claim": "a.b"}, {"header": "h", "claim": "c"}],
        "audiences": ["a"],
        "spaceDelimitedClaims": ["scope", "s"],
    }
    every_key = [key(0, name) for name in ("RS256", "ES256", "ES384", "ES512", "EdDSA")]
    issuers = [Issuer("same", each) for each in every_key]
    bad = [{"jwks": text} for text in ('{"keys":[]}', '{"keys":[{"kty":"?"}],"x":1e999}')]
    cluster.tokens("foo", *({**issuer.rule, **places} for issuer in issuers), *bad, {"issuer": "x"})
    objects: Any = SimpleNamespace(store=cluster.store)
    ReferenceMesh(objects, tmp_path, current.API).reconcile()
    assert_envoy_finds_nothing_wrong(tmp_path / "proxies" / "uid-httpbin-foo")
