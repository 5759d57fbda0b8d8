"""End-user authentication: tokens at the ingress, in both configuration APIs."""

from __future__ import annotations

import pytest

from fixtures import named_tokens
from fixtures.cluster import Cluster
from fixtures.curl import Request, bearing
from fixtures.outcome import Outcome
from fixtures.playground import IN_MESH, Playground
from fixtures.plugin import IngressOf
from fixtures.policies import Policies
from fixtures.profile import Profile
from fixtures.programmed import NoLoadBalancer, settles_to_programmed
from fixtures.step import Step
from suites.current.ingress_steps import (
    EXPOSED,
    JWT,
    JWT_FOR_GATEWAY,
    KEY_SET_INLINE,
    KEY_SET_UNREACHABLE,
    ONE_AUDIENCE,
    OTHER_TOKENS,
    PROGRAMMED,
    TEN_SAMPLES,
    TIMES,
)
from suites.current.steps import CLEANUP_2

pytestmark = [
    pytest.mark.feature("request-authentication"),
    pytest.mark.section("End-user authentication"),
]

STEPS = [EXPOSED, KEY_SET_INLINE, KEY_SET_UNREACHABLE, ONE_AUDIENCE, JWT, OTHER_TOKENS]
TIMED_STEPS = [pytest.param(step, marks=pytest.mark.clock_skew(60)) for step in (TIMES, TEN_SAMPLES)]


@pytest.mark.usefixtures("config_api")
@pytest.mark.parametrize("config_api", ["gateway-api"], indirect=True)
def test_gateway_is_programmed(
    cluster: Cluster, policies: Policies, playground: Playground, profile: Profile
) -> None:
    """`kubectl wait --for=condition=programmed`, and then `.status.addresses[0].value` is there."""
    # A gateway that is there already says nothing about how it came to be.
    policies.enforce(CLEANUP_2)
    policies.enforce(PROGRAMMED)
    namespace, service = profile.ingress_services["gateway-api"]
    try:
        settles_to_programmed(
            cluster, playground.lane.namespace(namespace), "httpbin-gateway", service, playground
        )
    except NoLoadBalancer as reason:
        pytest.skip(str(reason))


@pytest.mark.parametrize("step", [*STEPS, *TIMED_STEPS], ids=str)
def test_answers(step: Step, config_api: str, policies: Policies, ingress_of: IngressOf) -> None:
    ingress_of(config_api, step).settles_to(step.grid, named_tokens.by_name(policies.issuer))


@pytest.mark.parametrize("client", IN_MESH)
def test_policy_is_for_the_gateway_alone(client: str, policies: Policies, playground: Playground) -> None:
    """It is a policy for the ingress gateway: what does not come through it is not asked for a token."""
    policies.enforce(JWT_FOR_GATEWAY)
    request = Request("http://httpbin.foo:8000/headers", bearing("deadbeef"))
    playground.settles_to_outcome(client, request, Outcome(200))
