"""What only this document's sections share."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from fixtures import ingress
from fixtures.cluster import Cluster
from fixtures.playground import READY_WITHIN_S, Playground
from fixtures.policies import Policies
from fixtures.profile import Profile
from suites.current import tokens
from suites.current.documented_loop import DocumentedLoop
from suites.current.ingress_steps import JWT


@pytest.fixture(scope="session")
def documented_loop(
    pytestconfig: pytest.Config,
    cluster: Cluster,
    profile: Profile,
    policies: Policies,
    prepared_playground: Playground,
) -> Iterator[DocumentedLoop | None]:
    """The loop, begun with the request authentication in force; None where real time is left out."""
    if pytestconfig.getoption("--profile") == "quick":
        yield None
        return
    policies.enforce(JWT)
    with contextlib.ExitStack() as stack:
        ingresses = {}
        for api, (namespace, _) in profile.ingress_services.items():
            cluster.wait_for_deployments([namespace], READY_WITHIN_S)
            place = ingress.find(cluster, profile, api)
            opened = stack.enter_context(ingress.opened(place, api, prepared_playground, policies))
            opened.settles_to(JWT.grid, tokens.by_name(policies.issuer))
            ingresses[api] = opened
        loop = DocumentedLoop(ingresses, policies.issuer)
        stack.callback(loop.stop)
        yield loop
