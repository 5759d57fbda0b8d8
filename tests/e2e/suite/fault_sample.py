"""Which wrong meshes the suites are run against today: a few of each kind, others every day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache

from lab.faults import known
from lab.faults.registry import HARNESS
from tools.fault_expectations import BOUND_S, load

OF_EACH_KIND = {"current": 2, "istio-1.0": 1, HARNESS: 1}

LEFT_OUT = {"pod-never-ready", "gateway-never-programmed"}
"""One waits for two minutes; the other needs port 80, which is not every user's."""


def today() -> int:
    """The day, by its number."""
    return datetime.now(UTC).toordinal()


def sample(day: int) -> list[str]:
    """The names of a day's faults; in the course of some weeks each of them has its day."""
    return [name for kind, names in kinds().items() for name in _turn(names, OF_EACH_KIND[kind], day)]


@cache
def kinds() -> Mapping[str, list[str]]:
    """All faults that do not take too long, by what breaks: the mesh of a document, or the harness."""
    expected = load()
    found: dict[str, list[str]] = {kind: [] for kind in OF_EACH_KIND}
    for fault in known():
        if fault.name not in LEFT_OUT and expected[fault.name].bound_s == BOUND_S:
            found[HARNESS if fault.section == HARNESS else fault.document].append(fault.name)
    return found


def _turn(names: list[str], count: int, day: int) -> Iterable[str]:
    return [names[(day * count + offset) % len(names)] for offset in range(count)]
