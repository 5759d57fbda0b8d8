"""Compares what the webhook and the schemas of Istio refuse, and warn of, with what the reference does."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from tests.compare.api_server import IN_FLIGHT, ApiServer, Document
from tests.compare.documents import KINDS, Documents, Kind
from tests.compare.listed import is_listed
from tests.compare.shrinking import smallest
from tests.compare.verdicts import Comparison, Outcome, blamed

BATCH = 4 * IN_FLIGHT
TOLD = 40
"""How many differences are shrunk and printed; what comes after them is only counted."""


@dataclass
class Found:
    """What a comparison came to."""

    counts: Counter[tuple[str, Outcome]] = field(default_factory=Counter)
    listed: Counter[tuple[str, Outcome]] = field(default_factory=Counter)
    unlisted: list[tuple[Kind, Document, Comparison]] = field(default_factory=list)
    smallest: dict[str, tuple[Document, Comparison]] = field(default_factory=dict)
    """Of each sort of difference the first, made small."""


class Comparer:
    """Asks both."""

    def __init__(self, istio: ApiServer, reference: ApiServer) -> None:
        self._istio, self._reference = istio, reference
        self.found = Found()

    async def run(self, seed: int, number: int) -> None:
        definitions = {name: await self._istio.definition(name) for name in KINDS}
        kinds = {Kind.of(definitions[name]): weight for name, weight in KINDS.items()}
        documents = Documents(kinds, seed)
        done = 0
        while done < number:
            batch = [documents.next() for _ in range(min(BATCH, number - done))]
            for (kind, document), comparison in zip(
                batch, await asyncio.gather(*(self._ask(*each) for each in batch)), strict=True
            ):
                self._count(kind, document, comparison)
            done += len(batch)
            _progress(f"{done} of {number} documents, {len(self.found.unlisted)} differences")
        for count, (kind, document, _) in enumerate(self.found.unlisted[:TOLD], 1):
            _progress(f"shrinking difference {count}")
            await self._shrink(kind, document)
        _progress("")

    async def _ask(self, kind: Kind, document: Document) -> Comparison:
        istio, reference = await asyncio.gather(
            self._istio.ask(kind.plural, document), self._reference.ask(kind.plural, document)
        )
        return Comparison(istio, reference)

    def _count(self, kind: Kind, document: Document, comparison: Comparison) -> None:
        self.found.counts[kind.name, comparison.outcome] += 1
        if not comparison.outcome.differs:
            return
        if is_listed(comparison):
            self.found.listed[kind.name, comparison.outcome] += 1
        else:
            self.found.unlisted.append((kind, document, comparison))

    async def _shrink(self, kind: Kind, document: Document) -> None:
        outcome = (await self._ask(kind, document)).outcome

        async def still(candidate: Document) -> bool:
            comparison = await self._ask(kind, candidate)
            return comparison.outcome is outcome and not is_listed(comparison)

        small = await smallest(document, still)
        comparison = await self._ask(kind, small)
        self.found.smallest.setdefault(_sort(kind, comparison), (small, comparison))


def _sort(kind: Kind, comparison: Comparison) -> str:
    """Differences that say the same of other values are one."""
    only = sorted(blamed(comparison.istio) ^ blamed(comparison.reference))
    only += sorted(set(comparison.istio.warnings) ^ set(comparison.reference.warnings))
    return re.sub(r"\(.*?\)|\".*?\"|'.*?'|\d+", "_", f"{kind.name} {comparison.outcome} {only}")


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
    elif text.endswith("00 differences") or " 000 of" in text:
        sys.stderr.write(text + "\n")


def compare(istio: Path, reference: Path, seed: int, number: int) -> int:
    """Prints a table and the differences that are not listed; gives their number."""
    start = time.monotonic()
    found = asyncio.run(_compare(istio, reference, seed, number))
    sys.stdout.write(_told(found, seed, time.monotonic() - start))
    return len(found.unlisted)


async def _compare(istio: Path, reference: Path, seed: int, number: int) -> Found:
    async with ApiServer(istio) as one, ApiServer(reference) as other:
        comparer = Comparer(one, other)
        await comparer.run(seed, number)
        return comparer.found


def _told(found: Found, seed: int, seconds: float) -> str:
    lines = [_row("kind", "documents", *Outcome, "listed")]
    names = sorted({name for name, _ in found.counts})
    for name in names:
        counts = [found.counts[name, outcome] for outcome in Outcome]
        listed = sum(found.listed[name, outcome] for outcome in Outcome)
        lines.append(_row(name, sum(counts), *counts, listed))
    totals = [sum(found.counts[name, outcome] for name in names) for outcome in Outcome]
    lines.append(_row("all", sum(totals), *totals, found.listed.total()))
    for document, comparison in found.smallest.values():
        lines += ["", f"--- # {comparison.outcome}"]
        lines += [f"# {who}: {each}" for who, each in _words(comparison)]
        lines.append(yaml.safe_dump(document, sort_keys=False, allow_unicode=True).rstrip())
    unlisted = len(found.unlisted)
    lines.append(f"\nadmission, seed {seed}: {unlisted} differences that are not listed, {seconds:.0f} s")
    return "\n".join(lines) + "\n"


def _words(comparison: Comparison) -> list[tuple[str, str]]:
    said = (("Istio", comparison.istio), ("the reference", comparison.reference))
    return [
        (who, answer.message.replace("\n", "\n#  ") or "; ".join(("accepted", *answer.warnings)))
        for who, answer in said
    ]


def _row(name: str, *cells: object) -> str:
    widths = (9, 11, 11, 18, 26, 24, 22, 6)
    return f"{name:<22}" + "".join(f"  {cell!s:>{width}}" for cell, width in zip(cells, widths, strict=True))
