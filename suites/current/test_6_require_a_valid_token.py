"""Require a valid token, also per path; the documented loop in real time; and Cleanup part 3."""

from __future__ import annotations

import pytest

from fixtures import named_tokens
from fixtures.documented_loop import DocumentedLoop
from fixtures.plugin import IngressOf
from fixtures.policies import Policies
from fixtures.step import Step
from suites.current.ingress_steps import (
    CLEANUP_3,
    CLEANUP_3_AUTHENTICATION,
    REQUIRED,
    REQUIRED_PER_PATH,
)

pytestmark = pytest.mark.feature("request-authentication")

DENIED = "RBAC: access denied"


@pytest.mark.usefixtures("documented_loop")
@pytest.mark.parametrize("step", [REQUIRED, REQUIRED_PER_PATH], ids=str)
def test_answers(step: Step, config_api: str, policies: Policies, ingress_of: IngressOf) -> None:
    ingress = ingress_of(config_api, step)
    ingress.settles_to(step.grid, named_tokens.by_name(policies.issuer))
    ingress.refuses("/headers", None, DENIED)


@pytest.mark.section("End-user authentication")
@pytest.mark.real_time
@pytest.mark.clock_skew(60)
def test_token_that_expires_in_5_seconds(config_api: str, documented_loop: DocumentedLoop) -> None:
    """Istio authenticates requests using that token successfully at first but rejects them after 65 s."""
    documented_loop.accepts(config_api, 7)


@pytest.mark.parametrize("step", [CLEANUP_3_AUTHENTICATION, CLEANUP_3], ids=str)
def test_cleanup(step: Step, config_api: str, policies: Policies, ingress_of: IngressOf) -> None:
    ingress_of(config_api, step).settles_to(step.grid, named_tokens.by_name(policies.issuer))
