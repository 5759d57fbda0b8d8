"""End-user authentication with mutual TLS, and Cleanup part 3."""

from __future__ import annotations

import pytest

from fixtures import named_tokens
from fixtures.playground import Playground
from fixtures.plugin import IngressOf
from fixtures.policies import Policies
from fixtures.step import Step
from suites.istio_1_0.end_user_steps import (
    CLEANUP_3,
    CLEANUP_3_AMONG_PODS,
    COVERED_BY_THE_MESH_WIDE_RULE,
    COVERED_WITH_TOKEN,
    JWT_MUTUAL_TLS,
    JWT_MUTUAL_TLS_AMONG_PODS,
    JWT_MUTUAL_TLS_WITH_TOKEN,
    OVERRIDES_COMPLETELY,
)

pytestmark = pytest.mark.section("End-user authentication with mutual TLS")


@pytest.mark.parametrize(
    ("among_pods", "at_ingress"),
    [
        pytest.param(JWT_MUTUAL_TLS_WITH_TOKEN, JWT_MUTUAL_TLS, id=JWT_MUTUAL_TLS.name),
        pytest.param(COVERED_WITH_TOKEN, COVERED_BY_THE_MESH_WIDE_RULE, id=COVERED_WITH_TOKEN.name),
    ],
)
def test_answers(
    among_pods: Step,
    at_ingress: Step,
    policies: Policies,
    playground: Playground,
    ingress_of: IngressOf,
) -> None:
    """Traffic from Istio services, including ingress gateway, to httpbin.foo will use mutual TLS.

    The pods come first, as they show when the policy is in force: at the ingress, all "will still work".
    """
    policies.enforce(among_pods)
    playground.settles_to(among_pods.grid, policies.issuer.valid())
    ingress_of("istio", at_ingress).settles_to(at_ingress.grid, named_tokens.by_name(policies.issuer))


def test_service_specific_policy_overrides_completely(policies: Policies, playground: Playground) -> None:
    policies.enforce(OVERRIDES_COMPLETELY)
    playground.settles_to(OVERRIDES_COMPLETELY.grid, policies.issuer.valid())


def test_reachability_without_token(policies: Policies, playground: Playground) -> None:
    policies.enforce(JWT_MUTUAL_TLS_AMONG_PODS)
    playground.settles_to(JWT_MUTUAL_TLS_AMONG_PODS.grid)


@pytest.mark.section("Cleanup part 3")
def test_cleanup(policies: Policies, playground: Playground, ingress_of: IngressOf) -> None:
    ingress_of("istio", CLEANUP_3).settles_to(CLEANUP_3.grid, named_tokens.by_name(policies.issuer))
    policies.enforce(CLEANUP_3_AMONG_PODS)
    playground.settles_to(CLEANUP_3_AMONG_PODS.grid)
