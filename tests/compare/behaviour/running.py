"""Sets of policies from a seed, on both meshes, and a table of how their cells compare."""

from __future__ import annotations

import contextlib
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from tests.compare.behaviour import playground
from tests.compare.behaviour.comparing import Comparing, Comparison, Difference, NeverSettled, Object
from tests.compare.behaviour.identities import Issuers
from tests.compare.behaviour.policy_sets import policy_set
from tests.compare.behaviour.probes import CELLS
from tests.compare.behaviour.shrinking import shrunk
from tests.compare.behaviour.side import Istio, Side
from tests.compare.planes import NotThere

SHRUNK = 12
"""How many sets with a difference are made small and printed; those that come after them are only named."""
LOOKED_AT = 12
"""While a set is made small, at so many of the cells that differ."""
SHOWN = 3
"""How many cells are printed of each difference."""
EVERY = 25
"""Where nobody watches a terminal, progress is told after so many sets."""


@dataclass
class Found:
    """What a comparison came to."""

    sets: int = 0
    seconds: float = 0.0
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Cells by server, and by status (on Istio) where they are equal, else by DIFFERENT."""
    refused: Counter[str] = field(default_factory=Counter)
    """Policies that were not taken, by whom."""
    never_settled: list[str] = field(default_factory=list)
    different: list[int] = field(default_factory=list)
    """The numbers of sets with a difference."""
    told: list[str] = field(default_factory=list)

    @property
    def unequal(self) -> int:
        return len(self.different) + len(self.never_settled)


DIFFERENT = "different"
COLUMNS = ("200", "401", "403", "503", "000", "others", DIFFERENT)


def compare(istio: Path, reference: Path, seed: int, number: int) -> int:
    """Prints a table and the differences, also of a comparison that is broken off; gives the number of sets
    with one. Raises NotThere.
    """
    found = Found()
    started = time.monotonic()
    try:
        with _both(istio, reference) as meshes:
            started = time.monotonic()
            for each in range(number):
                _compare(meshes, seed, each, found)
                _progress(each + 1, number, found)
    except (ApiException, HTTPError) as broken:
        raise NotThere(f"an API server does not answer: {str(broken).splitlines()[0]}") from None
    finally:
        found.seconds = time.monotonic() - started
        if found.sets:
            sys.stdout.write(_table(found, seed))
    return found.unequal


@contextlib.contextmanager
def _both(istio: Path, reference: Path) -> Iterator[Comparing]:
    issuers = Issuers()
    for kubeconfig in (istio, reference):
        playground.deploy(kubeconfig)
    with contextlib.ExitStack() as ending:
        one = Istio(istio, issuers)
        ending.callback(one.end)
        other = Side(reference, issuers)
        ending.callback(other.end)
        meshes = Comparing(one, other)
        ending.callback(meshes.end)
        yield meshes
        meshes.compare([])


def _compare(meshes: Comparing, seed: int, number: int, found: Found) -> None:
    objects = policy_set(seed, number)
    found.sets += 1
    try:
        comparison = meshes.compare(objects)
    except NeverSettled as unsettled:
        found.never_settled.append(f"set {number}: {unsettled}")
        return
    _count(comparison, found)
    if comparison.differences:
        found.different.append(number)
        if len(found.told) < SHRUNK:
            found.told.append(f"set {number}:\n" + _smallest(meshes, objects, comparison.differences))


def _count(comparison: Comparison, found: Found) -> None:
    for cell, look in zip(CELLS, comparison.looks, strict=True):
        status = look.split(" ")[0]
        found.outcomes[cell.server.name, status if status in COLUMNS else "others"] += 1
    for each in comparison.differences:
        status = each.istio.split(" ")[0]
        found.outcomes[each.cell.server.name, status if status in COLUMNS else "others"] -= 1
        found.outcomes[each.cell.server.name, DIFFERENT] += 1
    ours, theirs = comparison.refused_by_reference.keys(), comparison.refused_by_istio.keys()
    found.refused["both"] += len(ours & theirs)
    found.refused["Istio only"] += len(theirs - ours)
    found.refused["the reference only"] += len(ours - theirs)
    found.refused["a proxy of Istio"] += len(comparison.refused_by_proxies)


def _smallest(meshes: Comparing, objects: list[Object], differences: Sequence[Difference]) -> str:
    """A set with as little in it as shows a difference, and what that is."""
    cells = [each.cell for each in differences[:LOOKED_AT]]
    seen = list(differences)

    def still(smaller: list[Object]) -> bool:
        with contextlib.suppress(NeverSettled):
            comparison = meshes.compare(smaller, cells)
            if comparison.differences and not comparison.refused_by_one:
                seen[:] = comparison.differences
                return True
        return False

    small = shrunk(objects, still)
    lines = [
        re.sub(r"\{keys of (.*?)\}", r"(keys of \1)", yaml.safe_dump_all(small, sort_keys=False)).rstrip()
    ]
    for each in seen[:SHOWN]:
        lines += [
            f"# {each.cell}",
            f"#   Istio:         {each.istio}",
            f"#   the reference: {each.reference}",
        ]
    return "\n".join(lines)


def _progress(done: int, number: int, found: Found) -> None:
    text = f"{done} of {number} sets, {len(found.different)} with differences"
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}" if done < number else "\r\x1b[K")
    elif done % EVERY == 0:
        sys.stderr.write(text + "\n")


def _table(found: Found, seed: int) -> str:
    servers = list(dict.fromkeys(cell.server.name for cell in CELLS))
    lines = [_row("server", "cells", "equal", *COLUMNS)]
    lines += [_row(server, *_numbers(found, [server])) for server in servers]
    lines.append(_row("all", *_numbers(found, servers)))
    lines += ["", *found.told, *found.never_settled]
    refused = ", ".join(f"{count} by {who}" for who, count in found.refused.items() if count)
    lines.append(f"\npolicies refused: {refused or 'none'}")
    if found.different:
        lines.append(f"sets with differences: {', '.join(map(str, found.different))}")
    pace = found.seconds / max(found.sets, 1)
    lines.append(
        f"behaviour, seed {seed}: {found.sets} sets, {len(found.different)} with differences, "
        f"{len(found.never_settled)} never settled, {found.seconds:.0f} s ({pace:.1f} s a set)"
    )
    return "\n".join(lines) + "\n"


def _numbers(found: Found, servers: Sequence[str]) -> list[int]:
    """Cells, equal ones, and by column."""
    counts = [sum(found.outcomes[server, column] for server in servers) for column in COLUMNS]
    return [sum(counts), sum(counts[:-1]), *counts]


def _row(name: str, *cells: object) -> str:
    return f"{name:<24}" + "".join(f"  {cell!s:>9}" for cell in cells)
