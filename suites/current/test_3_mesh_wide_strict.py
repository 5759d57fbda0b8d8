"""Globally enabling Istio mutual TLS in STRICT mode, and Cleanup part 1."""

from __future__ import annotations

from fixtures.expectations import EveryPod, NeverFlaps, Reachability, RefusesTls
from fixtures.model.document import CURRENT
from fixtures.model.step import Step
from suites.current.features import PEER_AUTHENTICATION
from suites.grids import ALL_REACHABLE, LEGACY_REFUSED_BY_BOTH, others

NOT_NOW_AND_THEN = "Mutual TLS is now strictly required: not now and then."
CANNOT_COMPLY = (
    "The workload without sidecar cannot comply: not by TLS alone, nor by a certificate that it made up."
)

STEPS = [
    Step(
        "mesh-wide-strict",
        section=CURRENT.section("Globally enabling Istio mutual TLS in STRICT mode"),
        manifests=["current/strict-mesh.yaml"],
        quote="This peer authentication policy configures workloads to only accept requests encrypted with "
        "TLS. [...] You see requests still succeed, except for those from the client that doesn't have "
        "proxy, sleep.legacy, to the server with a proxy, httpbin.foo or httpbin.bar. This is expected "
        "because mutual TLS is now strictly required, but the workload without sidecar cannot comply.",
        features=PEER_AUTHENTICATION,
        expect=[
            Reachability(LEGACY_REFUSED_BY_BOTH),
            others(
                """
                        another.foo     another.bar     foo:8001    bar:8001
                foo     200             200             200         200
                legacy  000/56          000/56          000/56      000/56
                """
            ),
            EveryPod("legacy", "bar", "000/56"),
            NeverFlaps("legacy", "foo", label="foo", asks=NOT_NOW_AND_THEN),
            NeverFlaps("legacy", "bar", label="bar", asks=NOT_NOW_AND_THEN),
            RefusesTls(("legacy",), "foo", certificate="none", label="none", asks=CANNOT_COMPLY),
            RefusesTls(("legacy",), "foo", certificate="foreign", label="foreign", asks=CANNOT_COMPLY),
        ],
    ),
    Step(
        "cleanup-1",
        section=CURRENT.section("Cleanup part 1"),
        quote="Remove global authentication policy added in the session",
        features=PEER_AUTHENTICATION,
        expect=[
            Reachability(ALL_REACHABLE, test="cleanup"),
            others(
                """
                        another.foo     another.bar     foo:8001    bar:8001
                legacy  200             200             200         200
                """
            ),
        ],
    ),
]
