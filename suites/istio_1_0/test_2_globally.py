"""Globally enabling Istio mutual TLS, requests from and to what is not in the mesh, and Cleanup part 1."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fixtures.cluster import Refused
from fixtures.curl import Request, bearing
from fixtures.outcome import Outcome
from fixtures.playground import IN_MESH, Playground
from fixtures.policies import Policies
from fixtures.results import OBSERVED
from fixtures.step import Step
from suites.istio_1_0.steps import (
    API_SERVER_IN_PLAIN_TEXT,
    CLEANUP_1,
    FORBIDDEN,
    LEGACY_IN_PLAIN_TEXT,
    MESH_POLICY,
    MESH_WIDE_RULE,
    OVERRIDDEN_BY_A_RULE_WITHOUT_TLS,
    RULE_ELSEWHERE,
    RULE_WITH_A_TLS_BLOCK,
)

# In an order in which no step looks as the one before it, where that can be.
STEPS = [
    MESH_POLICY,
    MESH_WIDE_RULE,
    OVERRIDDEN_BY_A_RULE_WITHOUT_TLS,
    RULE_WITH_A_TLS_BLOCK,
    LEGACY_IN_PLAIN_TEXT,
    API_SERVER_IN_PLAIN_TEXT,
    RULE_ELSEWHERE,
    CLEANUP_1,
]

API_SERVER = "https://kubernetes.default/api"

# Where Kubernetes puts the token of a pod's service account.
TOKEN_FILE = "/var/run/secrets/kubernetes.io/serviceaccount/token"


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_reachability(step: Step, policies: Policies, playground: Playground) -> None:
    policies.enforce(step)
    playground.settles_to(step.grid)


@pytest.mark.parametrize("client", IN_MESH)
@pytest.mark.parametrize(
    ("step", "expected"),
    [
        pytest.param(LEGACY_IN_PLAIN_TEXT, "000/35", id=LEGACY_IN_PLAIN_TEXT.name),
        pytest.param(API_SERVER_IN_PLAIN_TEXT, "200", id=API_SERVER_IN_PLAIN_TEXT.name),
    ],
)
def test_api_server(step: Step, expected: str, client: str, playground: Playground) -> None:
    """Requests will fail due to the same problem as when sending requests to any non-Istio service.

    The document takes the token of the service account `default` out of its secret, which clusters of today
    no longer make. The one that is mounted in the client's own pod is as good, and is there in all of them.
    """
    playground.enters(step)
    token = playground.run(client, "sleep", "sleep", ["cat", TOKEN_FILE])
    request = Request(API_SERVER, bearing(token.strip()), insecure=True)
    playground.settles_to_outcome(client, request, Outcome.parse(expected))


@pytest.mark.parametrize("step", FORBIDDEN, ids=str)
def test_forbidden_policy_does_nothing(
    step: Step,
    policies: Policies,
    playground: Playground,
    record_property: Callable[[str, object], None],
) -> None:
    """The document says how these must be named, and not what becomes of others.

    Istio refuses them. A mesh that takes and ignores them conforms as well, and the closing table says
    which was seen.
    """
    try:
        policies.enforce(step)
    except Refused:
        seen = "refused"
    else:
        playground.settles_to(step.grid)
        seen = "ignored"
    record_property(OBSERVED, f"a {step} is {seen}")
