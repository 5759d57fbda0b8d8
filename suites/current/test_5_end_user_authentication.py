"""End-user authentication: tokens at the ingress, in both configuration APIs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fixtures import named_tokens
from fixtures.ingress import Ingress
from fixtures.policies import Policies
from fixtures.step import Step
from suites.current.ingress_steps import (
    EXPOSED,
    JWT,
    KEY_SET_INLINE,
    ONE_AUDIENCE,
    OTHER_TOKENS,
    TEN_SAMPLES,
    TIMES,
)

pytestmark = pytest.mark.feature("request-authentication")

STEPS = [EXPOSED, KEY_SET_INLINE, ONE_AUDIENCE, JWT, OTHER_TOKENS, TIMES, TEN_SAMPLES]


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_answers(
    step: Step, config_api: str, policies: Policies, ingress_of: Callable[[str], Ingress]
) -> None:
    policies.enforce(step)
    ingress_of(config_api).settles_to(step.grid, named_tokens.by_name(policies.issuer))
