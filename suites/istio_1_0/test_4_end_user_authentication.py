"""End-user authentication: tokens at the ingress, and among the pods."""

from __future__ import annotations

import pytest

from fixtures import named_tokens
from fixtures.documented_loop import DocumentedLoop
from fixtures.playground import Playground
from fixtures.plugin import IngressOf
from fixtures.policies import Policies
from fixtures.step import Step
from suites.istio_1_0.end_user_steps import (
    EXPOSED,
    JWT,
    JWT_AMONG_PODS,
    JWT_AT_GATEWAY,
    JWT_AT_GATEWAY_AMONG_PODS,
    JWT_WITH_TOKEN,
    ONE_AUDIENCE,
    OTHER_TOKENS,
    TEN_SAMPLES,
)

pytestmark = pytest.mark.section("End-user authentication")

NO_SKEW = pytest.mark.clock_skew(0)

# Of Istio 1.0; the document shows no body.
REFUSED = "Origin authentication failed."


def test_exposed(policies: Policies, ingress_of: IngressOf) -> None:
    """Expose httpbin.foo via ingressgateway, and run a test query."""
    ingress_of("istio", EXPOSED).settles_to(EXPOSED.grid, named_tokens.by_name(policies.issuer))


@pytest.mark.usefixtures("documented_loop")
@pytest.mark.parametrize(
    "step", [JWT, *(pytest.param(step, marks=NO_SKEW) for step in (OTHER_TOKENS, TEN_SAMPLES))], ids=str
)
def test_answers(step: Step, policies: Policies, ingress_of: IngressOf) -> None:
    ingress_of("istio", step).settles_to(step.grid, named_tokens.by_name(policies.issuer))


@pytest.mark.usefixtures("documented_loop")
@pytest.mark.parametrize("token", ["none", "deadbeef", pytest.param("exp-2-ago", marks=NO_SKEW)])
def test_refusal(token: str, policies: Policies, ingress_of: IngressOf) -> None:
    """The answer comes from the proxy, and says why."""
    ingress, tokens = ingress_of("istio", JWT), named_tokens.by_name(policies.issuer)
    ingress.enters(JWT, tokens)
    ingress.refuses("/headers", tokens[token](), REFUSED)


@pytest.mark.usefixtures("documented_loop")
def test_reachability_without_token(policies: Policies, playground: Playground) -> None:
    """A policy that requires end-user JWT for httpbin.foo, whoever asks."""
    policies.enforce(JWT_AMONG_PODS)
    playground.settles_to(JWT_AMONG_PODS.grid)


@pytest.mark.usefixtures("documented_loop")
def test_reachability_with_token(policies: Policies, playground: Playground) -> None:
    policies.enforce(JWT_WITH_TOKEN)
    playground.settles_to(JWT_WITH_TOKEN.grid, policies.issuer.valid())


@pytest.mark.real_time
@NO_SKEW
def test_token_that_expires_in_5_seconds(documented_loop: DocumentedLoop) -> None:
    """Istio authenticates requests using that token successfully at first but rejects them after 5 seconds.

    One answer on either side of the boundary may fall either way, as tokens count whole seconds.
    """
    documented_loop.accepts("istio", 5, 4, 6)


@pytest.mark.parametrize("step", [ONE_AUDIENCE, JWT_AT_GATEWAY], ids=str)
def test_answers_with_other_policies(step: Step, policies: Policies, ingress_of: IngressOf) -> None:
    ingress_of("istio", step).settles_to(step.grid, named_tokens.by_name(policies.issuer))


def test_reachability_with_policy_at_gateway(policies: Policies, playground: Playground) -> None:
    """JWT policies that apply at the gateway, instead of for individual services."""
    policies.enforce(JWT_AT_GATEWAY_AMONG_PODS)
    playground.settles_to(JWT_AT_GATEWAY_AMONG_PODS.grid)
