"""Which policy holds for a port of a service, and which rule a client obeys: no proxies, only conclusions."""

from __future__ import annotations

from typing import Any

import pytest

from lab.mesh.config import istio_1_0
from lab.mesh.config.istio_1_0 import authentication_policy, policies
from lab.mesh.config.istio_1_0.destination_rules import DestinationRules
from lab.mesh.config.key_source import KeySource
from lab.mesh.config.networking.destination_rule import parse
from lab.mesh.config.proxies import sidecar_config
from lab.mesh.model.proxy_config import Endpoint, MutualTls, SidecarConfig, Upstream
from lab.mesh.workloads import service_registry
from tests.mesh.cluster import Cluster, playground, when
from tests.mesh.config.current.test_destination_rule import rule
from tests.mesh.config.istio_1_0.declare import MTLS, PERMISSIVE, mesh_policy, policy, to

STRICT = {"peers": [MTLS]}
MESH = {"mesh": STRICT}


def conclude(cluster: Cluster, name: str = "httpbin", namespace: str = "bar") -> SidecarConfig:
    seen = service_registry.read(cluster.store, trust_domain="cluster.local", root_namespace="istio-system")
    [workload] = [each for each in seen.workloads if (each.name, each.namespace) == (name, namespace)]
    return sidecar_config(istio_1_0.API, policies.read(cluster.store, seen), workload)


def declare(cluster: Cluster, declared: dict[str, dict[str, Any]]) -> None:
    """Policies by `namespace/name`, or by `mesh`."""
    for second, (place, spec) in enumerate(declared.items()):
        namespace, _, name = place.partition("/")
        if namespace == "mesh":
            cluster.store.put(authentication_policy.MESH_KEY, mesh_policy(spec, name or "default"))
        else:
            cluster.store.put(authentication_policy.KEY, policy(namespace, spec, name, second))


# Policies to the mode of the two ports of httpbin.bar: 8000 (http) and 9000 (tcp).
HOLDING: dict[str, tuple[dict[str, dict[str, Any]], tuple[str, str]]] = {
    "none": ({}, ("DISABLE", "DISABLE")),
    "the mesh's": (MESH, ("STRICT", "STRICT")),
    "the mesh's has one name only": ({"mesh/other": STRICT}, ("DISABLE", "DISABLE")),
    "the namespace's": ({"bar/default": STRICT}, ("STRICT", "STRICT")),
    "another namespace's": ({"foo/default": STRICT}, ("DISABLE", "DISABLE")),
    "the root namespace is one like any other": ({"istio-system/default": STRICT}, ("DISABLE", "DISABLE")),
    "the namespace's instead of the mesh's": ({**MESH, "bar/default": {}}, ("DISABLE", "DISABLE")),
    "the service's": ({"bar/x": to("httpbin", peers=[MTLS])}, ("STRICT", "STRICT")),
    "another service's": ({"bar/x": to("sleep", peers=[MTLS])}, ("DISABLE", "DISABLE")),
    "a service of that name elsewhere": ({"foo/x": to("httpbin", peers=[MTLS])}, ("DISABLE", "DISABLE")),
    "the service's instead of all others": (
        {**MESH, "bar/default": STRICT, "bar/x": to("httpbin")},
        ("DISABLE", "DISABLE"),
    ),
    "the service's with something else in it": (
        {**MESH, "bar/x": to("httpbin", peers=[PERMISSIVE])},
        ("PERMISSIVE", "PERMISSIVE"),
    ),
    "a port's": ({"bar/x": to("httpbin", {"number": 8000}, peers=[MTLS])}, ("STRICT", "DISABLE")),
    "a port's, by name": ({"bar/x": to("httpbin", {"name": "tcp"}, peers=[MTLS])}, ("DISABLE", "STRICT")),
    "not the container's port": (
        {"bar/x": to("httpbin", {"number": 8080}, peers=[MTLS])},
        ("DISABLE", "DISABLE"),
    ),
    "a port that the service does not have": (
        {"bar/x": to("httpbin", {"number": 1234}, peers=[MTLS])},
        ("DISABLE", "DISABLE"),
    ),
    "other ports are left to the namespace's": (
        {"bar/default": STRICT, "bar/x": to("httpbin", {"number": 8000})},
        ("DISABLE", "STRICT"),
    ),
    "one of several targets": (
        {"bar/x": {"targets": [{"name": "sleep"}, {"name": "httpbin"}], "peers": [MTLS]}},
        ("STRICT", "STRICT"),
    ),
    "the older of two": (
        {"bar/x": to("httpbin", peers=[MTLS]), "bar/a": to("httpbin", peers=[PERMISSIVE])},
        ("STRICT", "STRICT"),
    ),
}


@pytest.mark.parametrize("case", HOLDING)
def test_which_policy_holds(case: str) -> None:
    declared, expected = HOLDING[case]
    cluster = playground()
    ports = [
        {"name": "http", "port": 8000, "targetPort": 8080},
        {"name": "tcp", "port": 9000, "targetPort": 9000},
    ]
    cluster.service("httpbin", "bar", "10.96.0.12", ports, ["10.244.0.12"])
    declare(cluster, declared)
    seen = conclude(cluster).inbound
    assert tuple(port.mode for port in seen.ports) == expected
    assert seen.default_mode == "DISABLE"


# How mutual TLS is written, to what a port accepts.
MODES: list[tuple[list[dict[str, Any]], str]] = [
    ([{"mtls": {}}], "STRICT"),
    ([{"mtls": None}], "STRICT"),
    ([{"mtls": {"mode": "STRICT"}}], "STRICT"),
    ([{"mtls": {"mode": "PERMISSIVE"}}], "PERMISSIVE"),
    ([{"mtls": {"allowTls": True}}], "ANY_TLS"),
    ([{"mtls": {"allowTls": False}}], "STRICT"),
    ([{"jwt": {"issuer": "x"}}], "DISABLE"),
    ([{"jwt": {"issuer": "x"}}, {"mtls": {}}], "STRICT"),
    ([{"mtls": {"mode": "PERMISSIVE"}}, {"mtls": {}}], "PERMISSIVE"),
    ([], "DISABLE"),
]


@pytest.mark.parametrize(("peers", "mode"), MODES)
def test_how_mutual_tls_is_written(peers: list[dict[str, Any]], mode: str) -> None:
    cluster = playground()
    declare(cluster, {"mesh": {"peers": peers}})
    [port] = conclude(cluster).inbound.ports
    assert port.mode == MutualTls(mode)


def test_where_keys_come_from() -> None:
    cluster = playground()
    jwt = {"issuer": "https://a", "jwksUri": "http://keys/"}
    declare(
        cluster,
        {
            "mesh": {"peers": [{"jwt": jwt}]},
            "bar/default": {"origins": [{"jwt": {"issuer": "https://discovered"}}]},
        },
    )
    seen = service_registry.read(cluster.store, trust_domain="cluster.local", root_namespace="istio-system")
    assert {source for source, _ in policies.read(cluster.store, seen).key_askers} == {
        KeySource("http://keys/"),
        KeySource(issuer="https://discovered"),
    }


def test_fields_with_underscores_mean_the_same() -> None:
    jwt = {"issuer": "https://a", "jwks_uri": "http://keys/", "jwt_params": ["t"]}
    spec = {"peers": [{"mtls": {"allow_tls": True}}], "origins": [{"jwt": jwt}], "peer_is_optional": True}
    metadata = {"name": "default", "namespace": "bar", "creationTimestamp": "2026-01-01T00:00:00Z"}
    policy = authentication_policy.parse({"metadata": metadata, "spec": spec})
    assert (policy.peers, policy.peer_is_optional) == ((MutualTls.ANY_TLS,), True)
    [origin] = policy.origins
    assert (origin.rule.from_params, origin.source) == (("t",), KeySource("http://keys/"))


HOST = "httpbin.foo.svc.cluster.local"

# Rules, and the TLS mode that any client is told for httpbin.foo:8000; None: nothing.
TOLD: dict[str, tuple[list[dict[str, Any]], str | None]] = {
    "without rules nothing is told": ([], None),
    "a rule of any namespace": ([rule("nowhere", HOST)], "DISABLE"),
    "the exact host goes before a wildcard": (
        [rule("foo", "*.foo.svc.cluster.local", "ISTIO_MUTUAL"), rule("bar", HOST)],
        "DISABLE",
    ),
    "the longer wildcard goes before the shorter, wherever they are": (
        [rule("foo", "*.local", "ISTIO_MUTUAL"), rule("bar", "*.foo.svc.cluster.local")],
        "DISABLE",
    ),
    "even one that says nothing of TLS": (
        [rule("foo", "*.local", "ISTIO_MUTUAL"), rule("bar", HOST, None, subsets=[])],
        None,
    ),
    "for the same host the oldest policy": (
        [rule("foo", HOST, "ISTIO_MUTUAL", second=2), rule("bar", HOST, second=1)],
        "DISABLE",
    ),
    "for the same host, a policy goes before none": (
        [rule("bar", HOST, None, second=1), rule("foo", HOST, "ISTIO_MUTUAL", second=2)],
        "ISTIO_MUTUAL",
    ),
    "a short name is one of its own namespace": ([rule("foo", "httpbin")], "DISABLE"),
    "and of no other": ([rule("bar", "httpbin")], None),
    "a name with a dot is taken as it is": ([rule("foo", "httpbin.foo")], None),
    "an entry for the port replaces all": (
        [
            rule(
                "foo",
                HOST,
                trafficPolicy={
                    "tls": {"mode": "DISABLE"},
                    "portLevelSettings": [{"port": {"number": 8000}, "tls": {"mode": "ISTIO_MUTUAL"}}],
                },
            )
        ],
        "ISTIO_MUTUAL",
    ),
    "also if it says nothing of TLS": (
        [
            rule(
                "foo",
                HOST,
                trafficPolicy={
                    "tls": {"mode": "ISTIO_MUTUAL"},
                    "portLevelSettings": [{"port": {"number": 8000}, "loadBalancer": {"simple": "RANDOM"}}],
                },
            )
        ],
        None,
    ),
    "an entry for another port does not": (
        [
            rule(
                "foo",
                HOST,
                trafficPolicy={
                    "tls": {"mode": "DISABLE"},
                    "portLevelSettings": [{"port": {"number": 1234}, "tls": {"mode": "ISTIO_MUTUAL"}}],
                },
            )
        ],
        "DISABLE",
    ),
}


@pytest.mark.parametrize(("rules", "expected"), TOLD.values(), ids=TOLD)
def test_what_a_client_is_told(rules: list[dict[str, Any]], expected: str | None) -> None:
    found = DestinationRules(map(parse, rules)).find(HOST)
    tls = found.tls_for(8000) if found else None
    assert (tls.mode if tls else None) == expected


def upstream(seen: SidecarConfig, host: str, subset: str = "") -> Upstream:
    [found] = [
        each for each in seen.upstreams if each.host == f"{host}.svc.cluster.local" and each.subset == subset
    ]
    return found


def test_nothing_is_done_that_no_rule_says() -> None:
    cluster = playground()
    declare(cluster, MESH)
    seen = upstream(conclude(cluster, "sleep", "foo"), "httpbin.bar")
    assert seen.tls.origination == "DISABLE"
    # What a server takes is known all the same.
    assert seen.endpoints == (Endpoint("10.244.0.12", 8080, mesh=True),)


def test_a_port_that_declares_nothing_is_tcp_for_clients_too() -> None:
    cluster = playground()
    port = {"name": "", "port": 9090, "targetPort": 9090}
    cluster.service("more", "foo", "10.96.0.50", [port], ["10.244.0.11"], selector={"app": "httpbin"})
    assert upstream(conclude(cluster, "sleep", "foo"), "more.foo").protocol == "tcp"


def test_a_subset_says_its_own_or_what_its_rule_says() -> None:
    cluster = playground()
    subsets = [
        {"name": "own", "labels": {}, "trafficPolicy": {"tls": {"mode": "DISABLE"}}},
        {
            "name": "other",
            "labels": {"version": "v9"},
            "trafficPolicy": {"loadBalancer": {"simple": "RANDOM"}},
        },
    ]
    policy_of_rule = {"tls": {"mode": "ISTIO_MUTUAL"}}
    spec = {"host": "httpbin.bar.svc.cluster.local", "trafficPolicy": policy_of_rule, "subsets": subsets}
    cluster.rule("foo", spec)
    seen = conclude(cluster, "sleep", "foo")
    assert upstream(seen, "httpbin.bar").tls.subject_alt_names == (
        "spiffe://cluster.local/ns/bar/sa/httpbin",
    )
    assert upstream(seen, "httpbin.bar", "own").tls.origination == "DISABLE"
    assert upstream(seen, "httpbin.bar", "other").tls.origination == "ISTIO_MUTUAL"
    assert upstream(seen, "httpbin.bar", "other").endpoints == ()


def test_of_two_services_for_one_port_the_older_ones_policy_holds() -> None:
    cluster = playground()
    port = {"name": "http", "port": 80, "targetPort": 8080}
    cluster.service("newer", "bar", "10.96.0.99", [port], [], selector={"app": "httpbin"}, created=when(9))
    declare(cluster, {"bar/x": to("newer", peers=[MTLS])})
    assert [each.mode for each in conclude(cluster).inbound.ports] == ["DISABLE"]
