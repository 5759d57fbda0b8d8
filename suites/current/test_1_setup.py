"""Before you begin: Setup."""

from __future__ import annotations

import pytest

from fixtures import preconditions
from fixtures.playground import Playground
from fixtures.policies import Policies
from suites.current.steps import SETUP

pytestmark = pytest.mark.section("Setup")


def test_reachability(policies: Policies, playground: Playground) -> None:
    """All requests should succeed with HTTP code 200."""
    policies.enforce(SETUP)
    playground.settles_to(SETUP.grid)


def test_no_peer_authentication_policy(policies: Policies) -> None:
    """Verify there is no peer authentication policy in the system."""
    policies.enforce(SETUP)
    preconditions.no_policies(policies, "PeerAuthentication")


def test_no_destination_rule_for_the_playground(policies: Policies) -> None:
    """Verify that there are no destination rules that apply on the example services."""
    policies.enforce(SETUP)
    preconditions.no_destination_rules(policies)
