"""End-user authentication with mutual TLS, and Cleanup part 3."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fixtures import named_tokens
from fixtures.ingress import Ingress
from fixtures.playground import Playground
from fixtures.policies import Policies
from fixtures.step import Step
from suites.istio_1_0.end_user_steps import (
    CLEANUP_3,
    CLEANUP_3_AMONG_PODS,
    COVERED_BY_THE_MESH_WIDE_RULE,
    JWT_MUTUAL_TLS,
    JWT_MUTUAL_TLS_AMONG_PODS,
    JWT_MUTUAL_TLS_WITH_TOKEN,
    OVERRIDES_COMPLETELY,
)


@pytest.mark.parametrize("step", [JWT_MUTUAL_TLS, COVERED_BY_THE_MESH_WIDE_RULE], ids=str)
def test_answers(step: Step, policies: Policies, ingress_of: Callable[[str], Ingress]) -> None:
    """Traffic from Istio services, including ingress gateway, to httpbin.foo will use mutual TLS."""
    policies.enforce(step)
    ingress_of("istio").settles_to(step.grid, named_tokens.by_name(policies.issuer))


@pytest.mark.parametrize("step", [JWT_MUTUAL_TLS_WITH_TOKEN, OVERRIDES_COMPLETELY], ids=str)
def test_reachability_with_token(step: Step, policies: Policies, playground: Playground) -> None:
    """Requests from Istio services work, given the correct token; those in plain text fail."""
    policies.enforce(step)
    playground.settles_to(step.grid, policies.issuer.valid())


def test_reachability_without_token(policies: Policies, playground: Playground) -> None:
    policies.enforce(JWT_MUTUAL_TLS_AMONG_PODS)
    playground.settles_to(JWT_MUTUAL_TLS_AMONG_PODS.grid)


def test_cleanup(policies: Policies, playground: Playground, ingress_of: Callable[[str], Ingress]) -> None:
    policies.enforce(CLEANUP_3)
    ingress_of("istio").settles_to(CLEANUP_3.grid, named_tokens.by_name(policies.issuer))
    policies.enforce(CLEANUP_3_AMONG_PODS)
    playground.settles_to(CLEANUP_3_AMONG_PODS.grid)
