"""Client TLS: what clients of the mesh make of DestinationRules, and which of them they go by."""

from __future__ import annotations

from fixtures.expectations import (
    Answers,
    EveryPod,
    NamesBothEnds,
    NoClientCertificate,
    Phase,
    Reachability,
    ReachedWithoutPause,
)
from fixtures.mesh_profile.adaptation import CONFIG_APIS
from fixtures.proving.look import Workload
from suites.extended.book import shown
from suites.grids import LEGACY_REFUSED_BY_BAR

CLIENT_TLS = ("peer-authentication", "server-identity")

STEPS = [
    shown(
        "rule-decides",
        "each-mode",
        CLIENT_TLS,
        Reachability("""
                    foo     another.foo     bar     another.bar     legacy
            foo     200     503             503     200             503
            bar     200     503             503     200             503
            legacy  000/56  000/56          000/56  000/56          200
        """),
        NamesBothEnds("foo", "another.bar", label="{step}-foo-another.bar"),
    ),
    shown(
        "rule-decides",
        "where-both-are-accepted",
        CLIENT_TLS,
        Reachability("""
                    foo     bar     another.bar     legacy
            foo     200     200     200             503
            bar     200     200     200             503
            legacy  200     200     200             200
        """),
        NoClientCertificate("foo", "bar", label="{step}-foo-bar"),
        NamesBothEnds("foo", "another.bar", label="{step}-foo-another.bar"),
        NamesBothEnds("bar", "foo", label="{step}-bar-foo"),
    ),
    shown(
        "silent-rule",
        "rules-without-tls",
        CLIENT_TLS,
        Reachability("""
                    foo     another.foo     bar     another.bar     legacy
            foo     200     503             200     200             200
            bar     200     503             200     200             200
        """),
    ),
    shown(
        "short-host",
        "short-names",
        CLIENT_TLS,
        Reachability("""
                    foo     foo:8001    another.foo     bar     another.bar
            foo     503     503         200             200     503
            bar     503     503         200             200     503
        """),
    ),
    shown(
        "host-with-a-dot",
        "partial-names",
        CLIENT_TLS,
        Reachability("""
                    foo     another.foo     bar     another.bar
            foo     200     503             200     200
            bar     200     503             200     200
        """),
    ),
    shown(
        "ports-of-the-service",
        "port-of-the-service",
        CLIENT_TLS,
        Reachability("""
                    foo     foo:8001    bar     bar:8001
            foo     200     200         503     200
            bar     200     200         503     200
        """),
    ),
    shown(
        "port-before-rule",
        "port-before-rule",
        CLIENT_TLS,
        Reachability("""
                    foo     foo:8001    bar     bar:8001
            foo     200     503         503     200
            bar     200     503         503     200
        """),
    ),
    shown(
        "port-without-tls",
        "port-without-tls",
        CLIENT_TLS,
        Reachability("""
                    foo     foo:8001    bar
            foo     503     503         200
            bar     503     503         200
        """),
    ),
    shown(
        "lookup-path",
        "lookup-path",
        CLIENT_TLS,
        Reachability("""
                    foo     bar     another.bar
            foo     200     503     200
            bar     200     200     503
        """),
    ),
    shown(
        "lookup-path",
        "root-namespace-last",
        CLIENT_TLS,
        Reachability("""
                    foo     bar     another.bar
            foo     200     200     503
            bar     200     200     503
        """),
    ),
    shown(
        "exported-rules",
        "exported",
        CLIENT_TLS,
        Reachability("""
                    foo     bar     another.bar
            foo     200     200     503
            bar     503     503     503
        """),
    ),
    shown(
        "most-specific-host",
        "wildcard",
        CLIENT_TLS,
        Reachability("""
                    foo     bar     another.bar
            foo     200     200     503
            bar     200     200     503
        """),
    ),
    shown(
        "most-specific-host",
        "longest-wildcard",
        CLIENT_TLS,
        Reachability("""
                    foo     bar     another.bar     legacy
            foo     503     200     200             200
            bar     503     200     200             200
        """),
    ),
    shown(
        "namespace-before-host",
        "wildcard-of-the-client",
        CLIENT_TLS,
        Reachability("""
                    foo     bar     another.bar
            foo     200     503     503
            bar     200     200     200
        """),
    ),
    shown(
        "selected-clients",
        "workload-selector",
        CLIENT_TLS,
        Reachability("""
                    foo     bar     another.bar
            foo     200     503     200
            bar     200     200     200
        """),
    ),
    shown(
        "expected-names",
        "subject-alt-names",
        CLIENT_TLS,
        Reachability("""
                    foo     bar     another.bar
            foo     200     200     503
            bar     200     200     503
        """),
    ),
    shown(
        "gateways-are-clients",
        "at-the-gateway",
        (*CLIENT_TLS, "request-authentication"),
        *(
            Answers(
                """
                        /ip     another.example.com/ip
                none    503     200
                """,
                api=api,
                label=f"{api}-{{step}}",
            )
            for api in CONFIG_APIS
        ),
        beside=[
            f"current/{api}/{name}.yaml"
            for api in CONFIG_APIS
            for name in ("httpbin-gateway", "another-service")
        ],
    ),
    shown(
        "subsets-of-a-rule",
        "subsets",
        (*CLIENT_TLS, "request-authentication"),
        Answers(
            """
                    /ip     /headers    /get    /anything   /uuid
            none    200     503         503     503         200
            """
        ),
        policies="istio/subsets",
    ),
    shown(
        "pod-addresses",
        "pod-addresses",
        CLIENT_TLS,
        Reachability(LEGACY_REFUSED_BY_BAR),
        *(
            EveryPod(client, "bar", "000/56", label=f"{{step}}-{client}")
            for client in ("foo", "bar", "legacy")
        ),
    ),
    shown(
        "each-pod-as-it-is",
        "mixed-pods",
        CLIENT_TLS,
        ReachedWithoutPause(
            """
                            both
            foo-mixed.foo   200
            bar-mixed.foo   200
            """,
            (Phase("both", ("extended/client-tls/mixed-pods.yaml",)),),
            beside=(Workload("extended/client-tls/mixed.yaml", "foo"),),
        ),
    ),
]
