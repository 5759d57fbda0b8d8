"""Which rule a client obeys, and what it says: each row restates one rule of Istio's look-up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from lab.kube.client import SERVICES
from lab.mesh.config.current.destination_rules import DestinationRules
from lab.mesh.config.networking.destination_rule import parse
from lab.mesh.model.hosts import fully_qualified, most_specific
from tests.mesh.cluster import RULES, when
from tests.mesh.plane import Plane

reference_only = pytest.mark.reference_only("asks the reference's own tables")

HOST = "httpbin.bar.svc.cluster.local"


def rule(
    namespace: str, host: str, mode: str | None = "DISABLE", name: str = "r", second: int = 0, **spec: Any
) -> dict[str, Any]:
    policy = {} if mode is None else {"trafficPolicy": {"tls": {"mode": mode}}}
    metadata = {"namespace": namespace, "name": name, "creationTimestamp": when(second)}
    return {"metadata": metadata, "spec": {"host": host, **policy, **spec}}


def selected(labels: dict[str, str]) -> dict[str, Any]:
    return {"workloadSelector": {"matchLabels": labels}}


# Rules, and the mode that a client in namespace foo (label app=sleep) is told for httpbin.bar:8000.
CASES: dict[str, tuple[list[dict[str, Any]], str | None]] = {
    "without rules nothing is told": ([], None),
    "a rule of the service's namespace": ([rule("bar", HOST, "SIMPLE")], "SIMPLE"),
    "a short host means the rule's own namespace": ([rule("bar", "httpbin", "SIMPLE")], "SIMPLE"),
    "a short host in the client's namespace is another service": (
        [rule("foo", "httpbin", "SIMPLE")],
        None,
    ),
    "a host with a dot is taken as it is": ([rule("foo", "httpbin.bar", "SIMPLE")], None),
    "a rule of a third namespace does not matter": ([rule("baz", HOST, "SIMPLE")], None),
    "a rule of the root namespace": ([rule("istio-system", "*.local", "ISTIO_MUTUAL")], "ISTIO_MUTUAL"),
    "the service's namespace goes before the root": (
        [rule("istio-system", HOST, "ISTIO_MUTUAL"), rule("bar", "*.local", "DISABLE")],
        "DISABLE",
    ),
    "the client's namespace goes before the service's, even with a wildcard": (
        [rule("bar", HOST, "ISTIO_MUTUAL"), rule("foo", "*.local", "DISABLE")],
        "DISABLE",
    ),
    "the first namespace decides even when its rule says nothing of TLS": (
        [rule("bar", HOST, "ISTIO_MUTUAL"), rule("foo", HOST, None)],
        None,
    ),
    "the exact host goes before wildcards": (
        [rule("foo", "*.bar.svc.cluster.local", "SIMPLE"), rule("foo", HOST, "DISABLE")],
        "DISABLE",
    ),
    "the longest wildcard goes first": (
        [
            rule("foo", "*", "SIMPLE", "a"),
            rule("foo", "*.local", "ISTIO_MUTUAL", "b"),
            rule("foo", "*.bar.svc.cluster.local", "DISABLE", "c"),
        ],
        "DISABLE",
    ),
    "everything is matched by a lone star": ([rule("istio-system", "*", "SIMPLE")], "SIMPLE"),
    "a private rule of the service's namespace is not seen": (
        [rule("bar", HOST, "SIMPLE", exportTo=["."])],
        None,
    ),
    "a rule exported to the client's namespace is seen": (
        [rule("bar", HOST, "SIMPLE", exportTo=["baz", "foo"])],
        "SIMPLE",
    ),
    "a rule exported elsewhere is not": ([rule("bar", HOST, "SIMPLE", exportTo=["baz"])], None),
    "a private rule of the client's own namespace is seen": (
        [rule("foo", HOST, "SIMPLE", exportTo=["."])],
        "SIMPLE",
    ),
    "a private rule of the root namespace is not seen": (
        [rule("istio-system", HOST, "SIMPLE", exportTo=["."])],
        None,
    ),
    "of two rules for a host the older traffic policy counts": (
        [rule("bar", HOST, "SIMPLE", "a", 2), rule("bar", HOST, "DISABLE", "b", 1)],
        "DISABLE",
    ),
    "an older rule without any traffic policy leaves it to the younger": (
        [rule("bar", HOST, "SIMPLE", "a", 2), rule("bar", HOST, None, "b", 1)],
        "SIMPLE",
    ),
    "a rule of the client's namespace that is exported elsewhere is not seen": (
        [rule("foo", HOST, "SIMPLE", exportTo=["bar"])],
        None,
    ),
    "one that is exported there and elsewhere is": (
        [rule("foo", HOST, "SIMPLE", exportTo=["foo", "bar"])],
        "SIMPLE",
    ),
    "a rule exported to its own namespace only is private": (
        [rule("bar", HOST, "SIMPLE", exportTo=["bar"]), rule("bar", "*.local", "DISABLE", "b")],
        "DISABLE",
    ),
    "the exact host goes before wildcards even when it is exported elsewhere": (
        [rule("bar", HOST, "SIMPLE", exportTo=["baz"]), rule("bar", "*.local", "DISABLE", "b")],
        None,
    ),
    "the next namespace is asked then": (
        [
            rule("bar", HOST, "SIMPLE", exportTo=["baz"]),
            rule("bar", "*.local", "DISABLE", "b"),
            rule("istio-system", "*", "ISTIO_MUTUAL"),
        ],
        "ISTIO_MUTUAL",
    ),
    "rules that are not exported alike are not merged": (
        [rule("bar", HOST, "SIMPLE", "a", 2), rule("bar", HOST, None, "b", 1, exportTo=["baz"])],
        "SIMPLE",
    ),
    "of rules that are not the last one counts": (
        [rule("bar", HOST, "SIMPLE", "a", 1), rule("bar", HOST, "DISABLE", "b", 2, exportTo=["foo"])],
        "DISABLE",
    ),
    "a rule for the client's workload goes before one for everybody": (
        [rule("foo", HOST, "SIMPLE", "a"), rule("foo", HOST, "DISABLE", "b", **selected({"app": "client"}))],
        "DISABLE",
    ),
    "but not before one for a more specific host": (
        [rule("foo", HOST, "SIMPLE", "a"), rule("foo", "*", "DISABLE", "b", **selected({"app": "client"}))],
        "SIMPLE",
    ),
    "a rule for another workload hides those of the next namespace": (
        [rule("foo", HOST, "SIMPLE", "a", **selected({"app": "other"})), rule("bar", HOST, "DISABLE", "b")],
        None,
    ),
    "a rule for another workload does not matter": (
        [rule("foo", HOST, "SIMPLE", **selected({"app": "other"}))],
        None,
    ),
    "a private rule of the same host is taken for a part of it": (
        [
            rule("foo", HOST, "SIMPLE", "a", **selected({"app": "other"})),
            rule("foo", HOST, "DISABLE", "b", exportTo=["."]),
        ],
        None,
    ),
    "a selector without labels selects everything": (
        [rule("foo", HOST, "SIMPLE", **selected({}))],
        "SIMPLE",
    ),
    "a rule for workloads stays in its namespace": (
        [rule("bar", HOST, "SIMPLE", **selected({"app": "client"}))],
        None,
    ),
}


@reference_only
@pytest.mark.parametrize(("rules", "expected"), CASES.values(), ids=CASES)
def test_what_a_client_in_foo_is_told(rules: list[dict[str, Any]], expected: str | None) -> None:
    found = DestinationRules(map(parse, rules), "istio-system").find(HOST, "bar", "foo", {"app": "client"})
    tls = found.tls_for(8000) if found else None
    assert (tls.mode if tls else None) == expected


@reference_only
def test_a_client_in_the_root_namespace_obeys_private_rules_there_first() -> None:
    rules = [
        rule("istio-system", "*", "SIMPLE", "public"),
        rule("istio-system", "*.local", "MUTUAL", "private", exportTo=["."]),
        rule("bar", HOST, "DISABLE"),
    ]

    def told(chosen: list[dict[str, Any]]) -> str | None:
        found = DestinationRules(map(parse, chosen), "istio-system").find(HOST, "bar", "istio-system", {})
        tls = found.tls_for(8000) if found else None
        return tls.mode if tls else None

    assert (told(rules), told([rules[0], rules[2]]), told(rules[:1])) == ("MUTUAL", "DISABLE", "SIMPLE")


UNLIKE_TLS = {"connectionPool": {"tcp": {"maxConnections": 9}}}


def ports(*entries: tuple[int, str | None]) -> list[dict[str, Any]]:
    return [
        {"port": {"number": number}, **({"tls": {"mode": mode}} if mode else UNLIKE_TLS)}
        for number, mode in entries
    ]


PORTS = {
    "an entry of the service's port replaces the rest": ([(8000, "DISABLE")], 8000, "DISABLE"),
    "an entry of another port does not matter": ([(8080, "DISABLE")], 8000, "ISTIO_MUTUAL"),
    "an entry without tls takes the tls away": ([(8000, None)], 8000, None),
}


@reference_only
@pytest.mark.parametrize(("entries", "port", "expected"), PORTS.values(), ids=PORTS)
def test_port_level_settings(entries: list[Any], port: int, expected: str | None) -> None:
    declared = rule("bar", HOST, "ISTIO_MUTUAL")
    declared["spec"]["trafficPolicy"]["portLevelSettings"] = ports(*entries)
    tls = parse(declared).tls_for(port)
    assert (tls.mode if tls else None) == expected


@reference_only
def test_a_port_without_a_number_is_that_of_no_service() -> None:
    declared = rule("bar", HOST, "ISTIO_MUTUAL")
    declared["spec"]["trafficPolicy"]["portLevelSettings"] = [{"port": {}, "tls": {"mode": "DISABLE"}}]
    tls = parse(declared).tls_for(8000)
    assert tls
    assert tls.mode == "ISTIO_MUTUAL"


@reference_only
def test_endpoints_are_marked_by_the_tls_that_a_silent_entry_takes_away() -> None:
    declared = rule("foo", HOST, "ISTIO_MUTUAL")
    declared["spec"]["trafficPolicy"]["portLevelSettings"] = ports((8000, None), (9000, "DISABLE"))
    declared["spec"]["subsets"] = [
        {"name": "silent"},
        {"name": "plain", "trafficPolicy": {"tls": {"mode": "DISABLE"}}},
    ]
    parsed = parse(declared)
    assert [tls and tls.mode for tls in map(parsed.mark_for, (8000, 9000))] == ["ISTIO_MUTUAL", "DISABLE"]
    assert [tls and tls.mode for tls in (each.mark_for(8000, parsed) for each in parsed.subsets)] == [
        "ISTIO_MUTUAL",
        "DISABLE",
    ]


@reference_only
def test_a_subset_falls_back_to_its_rule() -> None:
    declared = rule("bar", HOST, "ISTIO_MUTUAL")
    declared["spec"]["subsets"] = [
        {"name": "silent"},
        {"name": "other", "trafficPolicy": {"connectionPool": {}}},
        {"name": "plain", "trafficPolicy": {"tls": {"mode": "DISABLE"}}},
        {"name": "port", "trafficPolicy": {"portLevelSettings": ports((8000, "SIMPLE"))}},
    ]
    parsed = parse(declared)
    told = {subset.name: subset.tls_for(8000, parsed) for subset in parsed.subsets}
    assert {name: tls.mode if tls else None for name, tls in told.items()} == {
        "silent": "ISTIO_MUTUAL",
        "other": "ISTIO_MUTUAL",
        "plain": "DISABLE",
        "port": "SIMPLE",
    }


@reference_only
def test_subsets_of_one_host_are_united_and_the_oldest_of_a_name_counts() -> None:
    def with_subsets(name: str, second: int, **subsets: str) -> dict[str, Any]:
        listed = [{"name": key, "labels": {"version": value}} for key, value in subsets.items()]
        return rule("bar", HOST, None, name, second, subsets=listed)

    rules = [with_subsets("b", 2, one="b1", two="b2"), with_subsets("a", 1, one="a1")]
    found = DestinationRules(map(parse, rules), "istio-system").find(HOST, "bar", "foo", {})
    assert found
    assert {subset.name: subset.labels for subset in found.subsets} == {
        "one": {"version": "a1"},
        "two": {"version": "b2"},
    }


@reference_only
@pytest.mark.parametrize(
    ("host", "meaning"),
    [
        ("httpbin", "httpbin.bar.svc.cluster.local"),
        ("httpbin.foo", "httpbin.foo"),
        ("*", "*"),
        ("*.local", "*.local"),
    ],
)
def test_what_a_host_in_a_rule_means(host: str, meaning: str) -> None:
    assert fully_qualified(host, "bar") == meaning


@reference_only
@pytest.mark.parametrize(
    ("patterns", "best"),
    [
        (["*", "*.com"], "*"),
        (["*.local", HOST], HOST),
        (["*.cluster.local", "*.local"], "*.cluster.local"),
        (["httpbin", "*.foo.svc.cluster.local"], None),
    ],
)
def test_the_best_pattern_for_a_host(patterns: list[str], best: str | None) -> None:
    assert most_specific(patterns, HOST) == best


def told(cluster: dict[str, Any]) -> str | None:
    """The mode of a rule that a client has obeyed; None where it goes by what the endpoints announce."""
    if cluster.get("transport_socket_matches"):
        return None
    socket = cluster.get("transport_socket")
    if socket is None:
        return "DISABLE"
    secrets = socket["typed_config"]["common_tls_context"].get("tls_certificate_sds_secret_configs")
    return "ISTIO_MUTUAL" if secrets else "SIMPLE"


@pytest.fixture
def httpbin_in_bar(plane: Plane) -> Iterator[Plane]:
    ports = [{"name": "http", "port": 8000, "targetPort": 8080}]
    plane.cluster.service("httpbin", "bar", "10.96.0.12", ports, [])
    yield plane
    plane.cluster.store.remove(SERVICES, "bar", "httpbin")


@pytest.mark.parametrize(("rules", "expected"), CASES.values(), ids=CASES)
def test_what_a_client_in_foo_does(
    httpbin_in_bar: Plane, rules: list[dict[str, Any]], expected: str | None
) -> None:
    for each in rules:
        httpbin_in_bar.cluster.store.put(RULES, each)
    httpbin_in_bar.settle()
    assert told(httpbin_in_bar.clusters("client")[f"outbound|8000||{HOST}"]) == expected


@pytest.mark.parametrize(("entries", "port", "expected"), PORTS.values(), ids=PORTS)
def test_what_a_client_in_foo_does_by_port(
    httpbin_in_bar: Plane, entries: list[Any], port: int, expected: str | None
) -> None:
    declared = rule("bar", HOST, "ISTIO_MUTUAL")
    declared["spec"]["trafficPolicy"]["portLevelSettings"] = ports(*entries)
    httpbin_in_bar.cluster.store.put(RULES, declared)
    httpbin_in_bar.settle()
    assert told(httpbin_in_bar.clusters("client")[f"outbound|{port}||{HOST}"]) == expected


def test_what_a_client_in_foo_does_by_subset(httpbin_in_bar: Plane) -> None:
    declared = rule("bar", HOST, "ISTIO_MUTUAL")
    declared["spec"]["subsets"] = [
        {"name": "silent"},
        {"name": "other", "trafficPolicy": {"connectionPool": {"tcp": {"maxConnections": 9}}}},
        {"name": "plain", "trafficPolicy": {"tls": {"mode": "DISABLE"}}},
        {"name": "port", "trafficPolicy": {"portLevelSettings": ports((8000, "SIMPLE"))}},
    ]
    httpbin_in_bar.cluster.store.put(RULES, declared)
    httpbin_in_bar.settle()
    seen = httpbin_in_bar.clusters("client")
    names = ("silent", "other", "plain", "port")
    assert {name: told(seen[f"outbound|8000|{name}|{HOST}"]) for name in names} == {
        "silent": "ISTIO_MUTUAL",
        "other": "ISTIO_MUTUAL",
        "plain": "DISABLE",
        "port": "SIMPLE",
    }
