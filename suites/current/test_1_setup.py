"""Before you begin: Setup."""

from __future__ import annotations

import pytest

from fixtures.destination_hosts import touches
from fixtures.errors import HarnessError
from fixtures.playground import NAMESPACES, Playground
from fixtures.policies import Policies
from suites.current.steps import SETUP

pytestmark = pytest.mark.section("Setup")


def test_reachability(policies: Policies, playground: Playground) -> None:
    """All requests should succeed with HTTP code 200."""
    policies.enforce(SETUP)
    playground.settles_to(SETUP.grid)


def test_no_peer_authentication_policy(policies: Policies) -> None:
    """Verify there is no peer authentication policy in the system.

    Not the mesh's doing: with somebody else's policy in force, nothing that follows could be told.
    """
    policies.enforce(SETUP)
    found = [
        f"{item['metadata']['namespace']}/{item['metadata']['name']}"
        for item in policies.found("PeerAuthentication")
    ]
    if found:
        raise HarnessError(f"the cluster has peer authentication policies of others: {', '.join(found)}")


def test_no_destination_rule_for_the_playground(policies: Policies) -> None:
    """Verify that there are no destination rules that apply on the example services."""
    policies.enforce(SETUP)
    found = [
        f"{item['spec']['host']} ({item['metadata']['namespace']}/{item['metadata']['name']})"
        for item in policies.found("DestinationRule")
        if touches(item["spec"]["host"], item["metadata"]["namespace"], NAMESPACES)
    ]
    if found:
        raise HarnessError(f"destination rules of others apply to the playground: {', '.join(found)}")
