"""Peer authentication: which policy is in force where, and what clients of the mesh make of it."""

from __future__ import annotations

from fixtures.expectations import (
    Answers,
    EveryPod,
    NamesBothEnds,
    NoClientCertificate,
    Reachability,
    RefusedOrIgnored,
    RefusesTls,
)
from fixtures.mesh_profile.adaptation import CONFIG_APIS
from suites.extended.book import shown
from suites.grids import LEGACY_REFUSED_BY_BAR, LEGACY_REFUSED_BY_FOO

PEER_AUTHENTICATION = ("peer-authentication",)

STEPS = [
    shown(
        "oldest-policy",
        "two-of-a-namespace",
        PEER_AUTHENTICATION,
        Reachability(LEGACY_REFUSED_BY_FOO),
        by_age=True,
    ),
    shown(
        "oldest-policy",
        "two-of-a-workload",
        PEER_AUTHENTICATION,
        Reachability("""
                    foo     another.foo     bar
            foo     200     200             200
            bar     200     200             200
            legacy  000/56  200             200
        """),
        by_age=True,
    ),
    shown(
        "unset-inherits",
        "workload-unset",
        PEER_AUTHENTICATION,
        Reachability(LEGACY_REFUSED_BY_BAR),
    ),
    shown(
        "unset-inherits",
        "namespace-unset",
        PEER_AUTHENTICATION,
        Reachability(LEGACY_REFUSED_BY_FOO),
    ),
    shown(
        "unset-inherits",
        "namespace-says-nothing",
        PEER_AUTHENTICATION,
        Reachability(LEGACY_REFUSED_BY_FOO),
    ),
    shown(
        "port-unset-inherits",
        "port-unset",
        PEER_AUTHENTICATION,
        Reachability("""
                    foo     foo:8001    another.foo
            bar     200     200         200
            legacy  000/56  200         200
        """),
    ),
    shown(
        "port-before-workload",
        "port-strict",
        PEER_AUTHENTICATION,
        Reachability("""
                    foo     foo:8001    another.foo
            bar     200     200         200
            legacy  000/56  200         200
        """),
    ),
    shown(
        "port-before-workload",
        "port-strict-others-unset",
        PEER_AUTHENTICATION,
        Reachability("""
                    foo     foo:8001    another.foo
            bar     200     200         200
            legacy  200     000/56      200
        """),
    ),
    shown(
        "port-before-workload",
        "port-strict-below-disabled",
        PEER_AUTHENTICATION,
        Reachability("""
                    foo     foo:8001    another.foo
            bar     200     200         200
            legacy  000/56  200         200
        """),
        NamesBothEnds("bar", "foo", label="{step}-bar-foo"),
        NoClientCertificate("bar", "foo:8001", label="{step}-bar-foo-8001"),
    ),
    shown(
        "port-before-workload",
        "port-disabled-below-strict",
        PEER_AUTHENTICATION,
        Reachability("""
                    foo     foo:8001    another.foo
            bar     200     200         200
            legacy  000/56  200         200
        """),
        NamesBothEnds("bar", "foo", label="{step}-bar-foo"),
        NoClientCertificate("bar", "foo:8001", label="{step}-bar-foo-8001"),
    ),
    shown(
        "ports-need-a-selector",
        "ports-without-selector",
        PEER_AUTHENTICATION,
        RefusedOrIgnored(
            """
                    foo     foo:8001    another.foo
            legacy  000/56  000/56      000/56
            """,
            what="policy with modes of ports and no selector",
        ),
    ),
    shown(
        "empty-selector-is-none",
        "empty-selector",
        PEER_AUTHENTICATION,
        Reachability("""
                    foo     foo:8001    another.foo     bar
            bar     200     200         200             200
            legacy  000/56  000/56      000/56          200
        """),
    ),
    shown(
        "selector-matches-labels",
        "two-labels",
        PEER_AUTHENTICATION,
        Reachability("""
                    foo     foo:8001    another.foo     bar
            bar     200     200         200             200
            legacy  000/56  000/56      200             200
        """),
    ),
    shown(
        "selector-matches-labels",
        "one-of-two-labels",
        PEER_AUTHENTICATION,
        Reachability("""
                    foo     foo:8001    another.foo     bar
            bar     200     200         200             200
            legacy  200     200         000/56          200
        """),
    ),
    shown(
        "selector-matches-labels",
        "another-workload",
        PEER_AUTHENTICATION,
        Reachability("""
                    foo     foo:8001    another.foo     another.bar
            bar     200     200         200             200
            legacy  200     200         000/56          200
        """),
    ),
    shown(
        "outside-the-mesh",
        "outside-the-mesh",
        PEER_AUTHENTICATION,
        Reachability(LEGACY_REFUSED_BY_FOO),
    ),
    shown(
        "clients-follow-disable",
        "workload-disabled",
        PEER_AUTHENTICATION,
        Reachability("""
                    foo     another.foo     bar     legacy
            foo     200     200             200     200
            bar     200     200             200     200
            legacy  200     000/56          000/56  200
        """),
        NoClientCertificate("bar", "foo", label="{step}-bar-foo"),
        NamesBothEnds("bar", "another.foo", label="{step}-bar-another.foo"),
    ),
    shown(
        "clients-follow-disable",
        "namespace-disabled",
        PEER_AUTHENTICATION,
        Reachability("""
                    foo     another.foo     bar
            foo     200     200             200
            bar     200     200             200
            legacy  200     200             000/56
        """),
        NoClientCertificate("bar", "foo:8001", label="{step}-bar-foo-8001"),
        NoClientCertificate("bar", "another.foo", label="{step}-bar-another.foo"),
        NamesBothEnds("foo", "bar", label="{step}-foo-bar"),
    ),
    shown(
        "clients-follow-disable",
        "mesh-disabled",
        PEER_AUTHENTICATION,
        Reachability(LEGACY_REFUSED_BY_BAR),
        NoClientCertificate("bar", "foo", label="{step}-bar-foo"),
        NamesBothEnds("foo", "bar", label="{step}-foo-bar"),
        EveryPod("legacy", "bar", "000/56"),
    ),
    shown(
        "permissive-is-no-tls-server",
        "permissive",
        PEER_AUTHENTICATION,
        Reachability(LEGACY_REFUSED_BY_BAR),
        RefusesTls(("legacy",), "foo", certificate="none", label="{step}"),
    ),
    shown(
        "root-selector-ignored",
        "root-with-selector",
        PEER_AUTHENTICATION,
        Reachability("""
                    foo     bar     another.bar
            foo     200     200     200
            legacy  200     200     000/56
        """),
    ),
    shown(
        "clients-follow-the-namespace",
        "strict-below-disabled",
        PEER_AUTHENTICATION,
        Reachability("""
                    foo     another.foo     bar
            foo     503     200             200
            bar     503     200             200
            legacy  000/56  200             200
        """),
    ),
    shown(
        "told-otherwise",
        "disabled-for-mutual-tls",
        (*PEER_AUTHENTICATION, "server-identity"),
        Reachability("""
                    foo     another.foo     bar
            foo     503     200             200
            bar     503     200             200
            legacy  200     200             200
        """),
    ),
    shown(
        "gateways-use-mutual-tls",
        "behind-a-gateway",
        (*PEER_AUTHENTICATION, "request-authentication"),
        Reachability(LEGACY_REFUSED_BY_FOO),
        *(
            Answers(
                """
                        /ip     POST:/post
                none    200     200
            """,
                api=api,
                label=f"{api}-{{step}}",
                shows=False,
            )
            for api in CONFIG_APIS
        ),
        beside=[f"current/{api}/httpbin-gateway.yaml" for api in CONFIG_APIS],
    ),
]
