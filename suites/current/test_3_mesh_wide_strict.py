"""Globally enabling Istio mutual TLS in STRICT mode, and Cleanup part 1."""

from __future__ import annotations

import pytest

from fixtures.playground import Playground
from fixtures.policies import Policies
from fixtures.step import Step
from suites.current.steps import CLEANUP_1, MESH_WIDE_STRICT

pytestmark = pytest.mark.feature("peer-authentication")


@pytest.mark.parametrize("step", [MESH_WIDE_STRICT, CLEANUP_1], ids=str)
def test_reachability(step: Step, policies: Policies, playground: Playground) -> None:
    policies.enforce(step)
    playground.settles_to(step.grid)
