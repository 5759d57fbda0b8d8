"""What only this document's sections share."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from fixtures import ingress
from fixtures.ingress import Places
from fixtures.playground import Playground
from fixtures.policies import Policies
from fixtures.profile import Profile
from suites.current import tokens
from suites.current.documented_loop import DocumentedLoop
from suites.current.ingress_steps import JWT


@pytest.fixture(scope="session")
def documented_loop(
    pytestconfig: pytest.Config,
    profile: Profile,
    places: Places,
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
        for api in profile.ingress_services:
            opened = stack.enter_context(ingress.opened(places.find(api), api, prepared_playground, policies))
            opened.settles_to(JWT.grid, tokens.by_name(policies.issuer))
            ingresses[api] = opened
        loop = DocumentedLoop(ingresses, policies.issuer)
        stack.callback(loop.stop)
        yield loop
