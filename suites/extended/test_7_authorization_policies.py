"""Authorization at workloads: for which workloads policies are, and how they add up there."""

from __future__ import annotations

from fixtures.expectations import Reachability, Requests
from suites.extended.book import shown

AUTHORIZATION = ("request-authentication",)

STEPS = [
    shown(
        "policies-of-a-namespace",
        "policies-of-namespaces",
        AUTHORIZATION,
        Reachability("""
                    foo     foo:8001    another.foo     bar     another.bar     legacy
            bar     403     403         403             200     403             200
            legacy  403     403         403             200     403             200
        """),
    ),
    shown(
        "root-policies-for-workloads",
        "root-policy-for-workloads",
        AUTHORIZATION,
        Reachability("""
                    foo     foo:8001    another.foo     bar     another.bar     legacy
            bar     200     200         200             200     200             200
            legacy  403     403         200             403     200             200
        """),
    ),
    shown(
        "root-policies-add-up",
        "root-and-namespace",
        AUTHORIZATION,
        Reachability("""
                    foo     another.foo     bar     another.bar
            foo     200     200             200     200
            bar     403     403             403     403
            legacy  403     403             200     200
        """),
    ),
    shown(
        "denied-by-any",
        "deny-anywhere",
        AUTHORIZATION,
        Requests("""
                    /anything/a     /anything/b     /anything/c     another.foo/anything/a  bar/anything/b
            bar     403             403             200             403                     403
            legacy  403             403             200             403                     403
        """),
    ),
    shown(
        "policies-without-effect",
        "without-effect",
        AUTHORIZATION,
        Reachability("""
                    foo     foo:8001    another.foo     bar     another.bar
            foo     200     200         200             200     403
            legacy  200     200         200             200     403
        """),
    ),
    shown(
        "all-labels-of-a-selector",
        "labels-of-a-selector",
        AUTHORIZATION,
        Reachability("""
                    foo     foo:8001    another.foo     bar     another.bar
            bar     403     403         200             200     200
            legacy  403     403         200             200     200
        """),
    ),
]
