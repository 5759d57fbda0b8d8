"""Migration: from outside the mesh to mutual TLS, namespace by namespace, as users do it."""

from __future__ import annotations

from fixtures.expectations import Phase, ReachedWithoutPause
from fixtures.proving.look import Workload
from suites.extended.book import shown

OUTSIDE, INSIDE = "extended/migration/outside.yaml", "extended/migration/inside.yaml"


def _policies(name: str) -> Phase:
    return Phase(name, (f"extended/migration/{name}.yaml",))


STEPS = [
    shown(
        "migration-fails-nobody-in-the-mesh",
        "joining-to-strict",
        ("peer-authentication",),
        ReachedWithoutPause(
            """
                                permissive  foo-joins   bar-joins   foo-strict  both-strict strict
            foo-migrant.bar     200         200         200         200         200         200
            bar-migrant.foo     200         200         200         200         200         200
            legacy-migrant.foo  200         200         200         000/56      000/56      000/56
            legacy-migrant.bar  200         200         200         200         000/56      000/56
            """,
            (
                _policies("permissive"),
                Phase("foo-joins", deploys=Workload(INSIDE, "foo")),
                Phase("bar-joins", deploys=Workload(INSIDE, "bar")),
                _policies("foo-strict"),
                _policies("both-strict"),
                _policies("strict"),
            ),
            beside=(Workload(OUTSIDE, "foo"), Workload(OUTSIDE, "bar")),
        ),
        policies="permissive",
    ),
]
