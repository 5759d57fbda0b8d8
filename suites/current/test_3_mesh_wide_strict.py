"""Globally enabling Istio mutual TLS in STRICT mode, and Cleanup part 1."""

from __future__ import annotations

import pytest

from fixtures import foreign
from fixtures.curl import Request, reachability
from fixtures.outcome import Outcome
from fixtures.playground import IN_MESH, Playground
from fixtures.policies import Policies
from fixtures.profile import Profile
from fixtures.step import Step
from suites.current.steps import CLEANUP_1, MESH_WIDE_STRICT

pytestmark = [
    pytest.mark.feature("peer-authentication"),
    pytest.mark.section("Globally enabling Istio mutual TLS in STRICT mode"),
]

TIMES = 75
"""Of twenty answers one may be wrong, and still more than nine runs out of ten thousand are not mistaken."""

# In TLS 1.3 a server refuses a certificate when the client takes the handshake for finished, and is sending
# its request (55) or waiting for the answer (56).
HANDSHAKE_REFUSED = (Outcome.parse("000/35"), Outcome.parse("000/55"), Outcome.parse("000/56"))


@pytest.mark.parametrize("step", [MESH_WIDE_STRICT], ids=str)
def test_reachability(step: Step, policies: Policies, playground: Playground) -> None:
    policies.enforce(step)
    playground.settles_to(step.grid)


@pytest.mark.parametrize("server", IN_MESH)
def test_refusal_never_flaps(playground: Playground, server: str) -> None:
    """Mutual TLS is now strictly required: not now and then."""
    playground.enters(MESH_WIDE_STRICT)
    playground.never_flaps("legacy", reachability(server), TIMES, *playground.refusal)


@pytest.mark.parametrize("certificate", ["none", "foreign"])
def test_tls_that_is_not_mutual_is_refused(
    playground: Playground, profile: Profile, certificate: str
) -> None:
    """The workload without sidecar cannot comply: not by TLS alone, nor by a certificate that it made up."""
    playground.enters(MESH_WIDE_STRICT)
    options = ["--http1.1"]
    if certificate == "foreign":
        identity = playground.lane.identity(f"spiffe://{profile.trust_domain}/ns/foo/sa/sleep")
        made = foreign.certificate(identity)
        for name, option, content in (
            ("certificate", "--cert", made.certificate),
            ("key", "--key", made.key),
        ):
            file = f"/tmp/foreign-{name}.pem"
            playground.put("legacy", file, content)
            options += [option, file]
    request = Request("https://httpbin.foo:8000/ip", insecure=True, options=tuple(options))
    playground.settles_to_outcome("legacy", request, *HANDSHAKE_REFUSED)


@pytest.mark.parametrize("step", [CLEANUP_1], ids=str)
def test_cleanup(step: Step, policies: Policies, playground: Playground) -> None:
    policies.enforce(step)
    playground.settles_to(step.grid)
