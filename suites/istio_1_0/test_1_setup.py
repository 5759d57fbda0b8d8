"""Before you begin: Setup."""

from __future__ import annotations

import pytest

from fixtures import preconditions
from fixtures.playground import Playground
from fixtures.policies import Policies
from suites.istio_1_0.steps import SETUP

pytestmark = pytest.mark.section("Setup")


def test_reachability(policies: Policies, playground: Playground) -> None:
    """All requests should succeed with HTTP code 200."""
    policies.enforce(SETUP)
    playground.settles_to(SETUP.grid)


@pytest.mark.parametrize("kind", ["Policy", "MeshPolicy"])
def test_no_authentication_policy(kind: str, policies: Policies) -> None:
    """Verify that there are no existing authentication policies in the system."""
    policies.enforce(SETUP)
    preconditions.no_policies(policies, kind)


def test_no_destination_rule_for_the_playground(policies: Policies) -> None:
    """There should be none with hosts in the foo, bar and legacy namespace, nor is the match-all wildcard."""
    policies.enforce(SETUP)
    preconditions.no_destination_rules(policies)
