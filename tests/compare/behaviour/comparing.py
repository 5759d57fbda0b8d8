"""A set of policies on both meshes: what each refuses, and in which cells they differ."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from tests.compare.behaviour.probes import CELLS, Cell
from tests.compare.behaviour.side import Istio, Side, unequal

Object = dict[str, Any]

UNCHANGED_FOR_S = 1.5
"""What differs, and has stayed so for this long, is a difference; before, a proxy may not have caught up."""
MOST_LOOKS = 20
PAUSE_S = 0.15


@dataclass(frozen=True)
class Difference:
    cell: Cell
    istio: str
    reference: str


@dataclass(frozen=True)
class Comparison:
    """Refusals are by the number of the policy in the set."""

    refused_by_istio: dict[int, str] = field(default_factory=dict)
    refused_by_reference: dict[int, str] = field(default_factory=dict)
    refused_by_proxies: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()
    looks: Sequence[str] = ()
    """At Istio, cell by cell."""

    @property
    def refused_by_one(self) -> set[int]:
        return self.refused_by_istio.keys() ^ self.refused_by_reference.keys()


class NeverSettled(RuntimeError):
    """A mesh keeps answering in other ways."""


class Comparing:
    """Both meshes, each with its thread."""

    def __init__(self, istio: Istio, reference: Side) -> None:
        self._istio = istio
        self._reference = reference
        self._pool = ThreadPoolExecutor(2)
        self._restarts = self._count_restarts()

    def end(self) -> None:
        self._pool.shutdown()

    def compare(self, objects: Sequence[Object], cells: Sequence[Cell] = CELLS) -> Comparison:
        """The policies that both take, in force; all others are left out."""
        comparison = self._compare(objects, cells)
        while comparison.differences and self._have_restarted():
            comparison = self._compare(objects, cells)
        return comparison

    def _compare(self, objects: Sequence[Object], cells: Sequence[Cell]) -> Comparison:
        ours, theirs = self._apply(objects)
        if ours.keys() != theirs.keys():
            refused = ours.keys() | theirs.keys()
            self._apply([each for number, each in enumerate(objects) if number not in refused])
        refused_by_proxies = self._istio.settle()
        looks = self._look(cells)
        since, count = time.monotonic(), 0
        while looks[0] != looks[1] and time.monotonic() - since < UNCHANGED_FOR_S:
            time.sleep(PAUSE_S)
            before, looks = looks, self._look(cells)
            if before != looks:
                since, count = time.monotonic(), count + 1
            if count == MOST_LOOKS:
                number = next(unequal(*looks))
                raise NeverSettled(f"{cells[number]}: Istio {looks[0][number]}, reference {looks[1][number]}")
        istio, reference = looks
        differences = (Difference(cells[n], istio[n], reference[n]) for n in unequal(istio, reference))
        return Comparison(theirs, ours, tuple(refused_by_proxies), tuple(differences), istio)

    def _have_restarted(self) -> bool:
        """Whether a container has ended meanwhile, and with it what its pod's cells say."""
        before, self._restarts = self._restarts, self._count_restarts()
        return before != self._restarts

    def _count_restarts(self) -> tuple[int, int]:
        return self._istio.restarts(), self._reference.restarts()

    def _apply(self, objects: Sequence[Object]) -> tuple[dict[int, str], dict[int, str]]:
        """Gives what the reference refuses, and what Istio does. Of the rest the ages are alike on both."""
        while True:
            applying = self._pool.submit(self._istio.apply, objects)
            ours, theirs = self._reference.apply(objects), applying.result()
            if ours.keys() != theirs.keys() or self._reference.ages() == self._istio.ages():
                return ours, theirs

    def _look(self, cells: Sequence[Cell]) -> tuple[list[str], list[str]]:
        istio = self._pool.submit(self._istio.look, cells)
        reference = self._reference.look(cells)
        return istio.result(), reference
