"""Enable mutual TLS per namespace or workload, Policy precedence, and Cleanup part 2."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from fixtures.addresses import in_url
from fixtures.cluster import Cluster
from fixtures.curl import Request
from fixtures.extra_workload import extra_workload
from fixtures.features import XFCC
from fixtures.header import settles_to_header
from fixtures.outcome import Outcome
from fixtures.playground import Playground
from fixtures.policies import Policies
from fixtures.results import OBSERVED
from fixtures.step import Step
from suites.current.steps import (
    CLEANUP_2,
    NAMESPACE_OVER_MESH,
    NAMESPACE_WIDE_STRICT,
    OTHER_VERSION_STRICT,
    PORT_8000_DISABLED,
    PORT_8080_DISABLED,
    PRECEDENCE,
    UNBOUND_BESIDE_PORT_DISABLED,
    UNBOUND_PORT_DISABLED,
    UNBOUND_STRICT,
    WORKLOAD_STRICT,
)

pytestmark = pytest.mark.feature("peer-authentication")

STEPS = [
    NAMESPACE_WIDE_STRICT,
    WORKLOAD_STRICT,
    PORT_8080_DISABLED,
    PORT_8000_DISABLED,
    OTHER_VERSION_STRICT,
    PRECEDENCE,
    NAMESPACE_OVER_MESH,
    CLEANUP_2,
]


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_reachability(step: Step, policies: Policies, playground: Playground) -> None:
    policies.enforce(step)
    playground.settles_to(step.grid)


@pytest.mark.feature(XFCC)
@pytest.mark.parametrize(
    ("step", "client", "server"),
    [(PORT_8080_DISABLED, "foo", "bar"), (PRECEDENCE, "bar", "foo")],
    ids=str,
)
def test_no_mutual_tls_where_it_is_disabled(
    step: Step, client: str, server: str, playground: Playground
) -> None:
    """The header's presence is evidence that mutual TLS is used: where that is disabled, it is not there."""
    playground.enters(step)
    settles_to_header(playground, client, server, None)


@pytest.fixture
def unbound(cluster: Cluster, playground: Playground) -> Iterator[str]:
    """An httpbin in bar that no Service binds; gives the URL at which only its pod answers."""
    with extra_workload(cluster, playground, "current/unbound-workload.yaml", "bar"):
        yield f"http://{in_url(cluster.pod('bar', 'unbound')['status']['podIP'])}:8080/ip"


@pytest.mark.section("Enable mutual TLS per workload, note 2")
def test_port_that_no_service_binds(
    policies: Policies,
    playground: Playground,
    unbound: str,
    record_property: Callable[[str, object], None],
) -> None:
    """Note 2: "You can only use portLevelMtls if the port is bound to a service. Istio ignores it otherwise."

    Istio's code honours such a port all the same (its pull request 27994), so both are accepted, and the
    closing table says which was seen. That it is ignored can only be told when the bound has passed.
    """
    request = Request(unbound)
    for step in (UNBOUND_STRICT, UNBOUND_BESIDE_PORT_DISABLED):
        policies.enforce(step)
        playground.settles_to(step.grid)
        playground.settles_to_outcome("legacy", request, *playground.refusal)

    policies.enforce(UNBOUND_PORT_DISABLED)
    honoured = playground.watch("legacy", request, Outcome(200))
    if not honoured.settled:
        playground.settles_to_outcome("legacy", request, *playground.refusal)
    seen = "honoured" if honoured.settled else "ignored"
    record_property(OBSERVED, f"portLevelMtls of a port that no Service binds is {seen}")
