"""Which wrong meshes our own tests run the suites against: a few of each kind.

They change with the suites and the faults: a tree is always tested alike, and in time with each fault.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from lab.faults import known
from lab.faults.registry import HARNESS
from tools.fault_expectations import BOUND_S, load

ROOT = Path(__file__).resolve().parents[3]
_DECIDING = ("suites", "lab/faults")

OF_EACH_KIND = {"current": 2, "istio-1.0": 1, HARNESS: 1}

LEFT_OUT = {"pod-never-ready", "gateway-never-programmed"}
"""One waits for two minutes; the other needs port 80, which is not every user's."""


@cache
def turn() -> int:
    """A number that follows from what the suites and the faults are."""
    digest = hashlib.sha256()
    for path in sorted(path for folder in _DECIDING for path in (ROOT / folder).rglob("*.py")):
        digest.update(path.read_bytes())
    return int.from_bytes(digest.digest()[:4])


def sample(turn: int) -> list[str]:
    """The names of the faults whose turn it is; in so many turns as there are faults each of them has one."""
    return [name for kind, names in kinds().items() for name in _chosen(names, OF_EACH_KIND[kind], turn)]


@cache
def kinds() -> Mapping[str, list[str]]:
    """All faults that do not take too long, by what breaks: the mesh of a document, or the harness."""
    expected = load()
    found: dict[str, list[str]] = {kind: [] for kind in OF_EACH_KIND}
    for fault in known():
        if fault.name not in LEFT_OUT and expected[fault.name].bound_s == BOUND_S:
            found[HARNESS if fault.section == HARNESS else fault.document].append(fault.name)
    return found


def _chosen(names: list[str], count: int, turn: int) -> Iterable[str]:
    return [names[(turn * count + offset) % len(names)] for offset in range(count)]
