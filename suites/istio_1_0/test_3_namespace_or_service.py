"""Enable mutual TLS per namespace or service, Policy precedence, and Cleanup part 2."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fixtures.cluster import Cluster
from fixtures.curl import Request
from fixtures.extra_workload import extra_workload
from fixtures.outcome import Outcome
from fixtures.playground import NAMESPACES, Playground
from fixtures.policies import Policies
from fixtures.step import Step
from suites.istio_1_0.steps import (
    ANY_NAMES,
    CLEANUP_2,
    NAMESPACE_OVER_MESH,
    NAMESPACE_WIDE,
    PORT_1234,
    PORT_8000,
    PRECEDENCE,
    SERVICE_WIDE,
)

# In an order in which no step looks as the one before it, where that can be.
STEPS = [
    NAMESPACE_WIDE,
    SERVICE_WIDE,
    PORT_1234,
    ANY_NAMES,
    PRECEDENCE,
    PORT_8000,
    NAMESPACE_OVER_MESH,
    CLEANUP_2,
]


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_reachability(step: Step, policies: Policies, playground: Playground) -> None:
    policies.enforce(step)
    playground.settles_to(step.grid)


@pytest.fixture
def another_service(cluster: Cluster, playground: Playground) -> Iterator[str]:
    """A second httpbin in bar, with a Service of its own; gives the URL at which it answers."""
    with extra_workload(cluster, playground, "istio-1.0/second-service-bar.yaml", "bar"):
        yield "http://another.bar:8000/ip"


@pytest.mark.section("Service-specific policy")
def test_other_services_of_the_namespace(playground: Playground, another_service: str) -> None:
    """If we have more services in namespace bar, we should see traffic to them won't be affected."""
    playground.enters(SERVICE_WIDE)
    for client in NAMESPACES:
        playground.settles_to_outcome(client, Request(another_service), Outcome(200))
