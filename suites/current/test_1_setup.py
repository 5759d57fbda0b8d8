"""Before you begin: Setup."""

from __future__ import annotations

from fixtures.expectations import NoDestinationRules, NoPolicies, Reachability
from fixtures.model.document import CURRENT
from fixtures.model.step import Step
from suites.grids import ALL_REACHABLE

STEPS = [
    Step(
        "setup",
        section=CURRENT.section("Setup"),
        quote="All requests should succeed with HTTP code 200.",
        expect=[
            Reachability(ALL_REACHABLE, label=""),
            NoPolicies(
                "PeerAuthentication",
                test="no-peer-authentication-policy",
                label="",
                asks="Verify there is no peer authentication policy in the system.",
            ),
            NoDestinationRules(
                label="",
                asks="Verify that there are no destination rules that apply on the example services.",
            ),
        ],
    ),
]
