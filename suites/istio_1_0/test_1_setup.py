"""Before you begin: Setup."""

from __future__ import annotations

from fixtures.expectations import NoDestinationRules, NoPolicies, Reachability
from fixtures.model.document import ISTIO_1_0
from fixtures.model.step import Step
from suites.grids import ALL_REACHABLE

STEPS = [
    Step(
        "setup",
        section=ISTIO_1_0.section("Setup"),
        quote="All requests should succeed with HTTP code 200.",
        expect=[
            Reachability(ALL_REACHABLE, label=""),
            *(
                NoPolicies(
                    kind,
                    test="no-authentication-policy",
                    label=kind,
                    asks="Verify that there are no existing authentication policies in the system.",
                )
                for kind in ("Policy", "MeshPolicy")
            ),
            NoDestinationRules(
                label="",
                asks="There should be none with hosts in the foo, bar and legacy namespace, nor is the "
                "match-all wildcard.",
            ),
        ],
    ),
]
