"""Peer authentication: which policy is in force where, and what it does to requests."""

from __future__ import annotations

from fixtures.expectations import Reachability
from suites.extended.book import shown
from suites.grids import LEGACY_REFUSED_BY_FOO

PEER_AUTHENTICATION = ("peer-authentication",)

STEPS = [
    shown(
        "oldest-of-a-namespace",
        "two-of-a-namespace",
        [Reachability(LEGACY_REFUSED_BY_FOO)],
        PEER_AUTHENTICATION,
    ),
]
