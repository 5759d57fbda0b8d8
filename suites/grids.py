"""What the documents say of reachability in more than one place: clients as rows, servers as columns."""

from __future__ import annotations

from fixtures.expectations import Reachability

ALL_REACHABLE = """
                foo     bar     legacy
        foo     200     200     200
        bar     200     200     200
        legacy  200     200     200
"""

LEGACY_REFUSED_BY_FOO = """
                foo     bar     legacy
        foo     200     200     200
        bar     200     200     200
        legacy  000/56  200     200
"""

LEGACY_REFUSED_BY_BAR = """
                foo     bar     legacy
        foo     200     200     200
        bar     200     200     200
        legacy  200     000/56  200
"""

LEGACY_REFUSED_BY_BOTH = """
                foo     bar     legacy
        foo     200     200     200
        bar     200     200     200
        legacy  000/56  000/56  200
"""


def others(grid: str, asks: str = "") -> Reachability:
    """What is so of the workloads and ports that the documents do not ask, while their own grid is right."""
    return Reachability(grid, test="other-workloads-and-ports", shows=False, asks=asks)
