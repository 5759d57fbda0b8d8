"""What a deliberately wrong mesh does, on real sockets: only what it says."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from lab.faults import Faults, load
from tests.mesh.conftest import SERVER
from tests.mesh.issuer import Issuer, bearer
from tests.mesh.plane import Plane


@pytest.fixture
def wrong(plane: Plane) -> Iterator[Plane]:
    """Proxies that may be configured by a mesh with faults; afterwards all is well again."""
    yield plane
    plane.faults = Faults()


# Fault to the statuses with: no token, `deadbeef`, a valid one, one that ended 5 s ago, for / and /required.
SEEN: dict[tuple[str, ...], tuple[list[int], list[int]]] = {
    (): ([200, 401, 200, 200], [403, 401, 200, 200]),
    ("skew-zero",): ([200, 401, 200, 401], [403, 401, 200, 401]),
    ("bad-token-accepted",): ([200, 200, 200, 200], [403, 403, 200, 200]),
    ("unauthenticated-swapped",): ([200, 403, 200, 200], [401, 403, 200, 200]),
}


@pytest.mark.parametrize("names", SEEN)
def test_a_fault_is_what_it_says(wrong: Plane, names: tuple[str, ...]) -> None:
    plane, issuer = wrong, Issuer()
    plane.faults = load(names)
    plane.cluster.tokens("foo", issuer.rule)
    rule = {
        "from": [{"source": {"notRequestPrincipals": ["*"]}}],
        "to": [{"operation": {"paths": ["/required"]}}],
    }
    plane.cluster.access("foo", "DENY", rule)
    plane.settle()
    late = issuer.token(exp=int(time.time()) - 5)
    tokens = [{}, bearer("deadbeef"), bearer(issuer.token()), bearer(late)]
    seen = tuple(
        [
            result["code"]
            for result in plane.dial(
                "naked",
                [{"host": SERVER, "port": 8080, "path": path, "headers": headers} for headers in tokens],
            )
        ]
        for path in ("/", "/required")
    )
    assert seen == SEEN[names]
