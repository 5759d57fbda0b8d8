"""What each known-bad mesh makes fail, cell by cell: written by runs against them, read to diagnose."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tools import fast_yaml

FILE = Path(__file__).resolve().parent.parent / "fixtures" / "report" / "signatures.yaml"
EXTENDED = FILE.with_stem("signatures-extended")
"""Those of the extended suite."""

HEAD = """\
# What the suites see of each known-bad mesh, written by `{command}` (docs/diagnosis.md). `failed` has
# the cells that were wrong in each failed case, and what was seen in them. `unseen` are the cases, by their
# numbers in `cases` from 0, of which nothing was seen. All other cases of the document passed.
"""
COMMANDS = {FILE.name: "make signatures", EXTENDED.name: "make faults SUITE=extended"}
"""By which each file is written."""

_PASSED, _FAILED, _NOT_RUN = "passed", "failed", "not-run"
_ADDRESS = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b")
_NUMBER_OF_SECONDS = re.compile(r"\b\d+(?:\.\d+)? (?:m?s|seconds?)\b")

Cells = Mapping[str, str]
"""What was seen in each cell that was wrong; of what is no grid, by what differs."""

Row = Mapping[str, Any]
"""A case as a report has it."""


@dataclass(frozen=True)
class Signature:
    """What a run against one known-bad mesh has shown. Cases are named by their ids."""

    fault: str
    document: str
    section: str
    sentence: str
    failed: Mapping[str, Cells]
    unseen: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Signatures:
    """All that is on record. ``cases`` are those that there were; of others nothing is known."""

    cases: Sequence[str]
    of_faults: Sequence[Signature]


def wrong_cells(row: Row) -> dict[str, str]:
    """The cells of a failed case that were wrong, each with what was seen in it.

    What differs from one cluster to the next, addresses of pods and times, is left out.
    """
    differences = row.get("observation", {}).get("differences") or [
        {"what": line} for line in row.get("differs", ()) or [row["reason"].partition("\n")[0]]
    ]
    return dict(map(_cell, differences))


def _cell(difference: Row) -> tuple[str, str]:
    if "from" in difference:
        return _plain(f"{difference['from']} to {difference['to']}"), difference["observed"]
    said = _plain(difference["what"]).partition(" instead of ")[0]
    # Headers that are sent stand in brackets, with a colon of their own.
    asked, headers, seen = said.rpartition("): ")
    if headers and " (" in asked:
        return f"{asked})", seen
    where, separator, seen = said.partition(": " if ": " in said else " is ")
    return (where, seen) if separator else (said, "")


def _plain(text: str) -> str:
    return _NUMBER_OF_SECONDS.sub("N s", _ADDRESS.sub("ADDRESS", text))


def seen(rows: Iterable[Row]) -> tuple[dict[str, Cells], frozenset[str]]:
    """The cases that failed in a run, with their wrong cells; and those of which nothing was seen."""
    rows = list(rows)
    failed: dict[str, Cells] = {row["id"]: wrong_cells(row) for row in rows if row["result"] == _FAILED}
    return failed, frozenset(row["id"] for row in rows if row["result"] not in (_PASSED, _FAILED))


def not_run(rows: Iterable[Row]) -> frozenset[str]:
    """The cases that a run left out, or did not come to."""
    return frozenset(row["id"] for row in rows if row["result"] == _NOT_RUN)


def updated(
    known: Signatures,
    found: Signature,
    cases: Sequence[str],
    faults: Sequence[str],
    left_out: Collection[str] = (),
) -> Signatures:
    """What is on record after a fault was seen, perhaps again.

    ``cases`` are all of its document, ``faults`` the names of all faults there are: nothing else stays on
    record. A new case is unseen of every fault that was seen without it. Of the cases that were ``left_out``
    the record keeps what it has: a run of a few cases takes nothing from what one of all has seen.
    """
    found = _beside(found, known, cases, left_out)
    others = [case for case in known.cases if document_of(case) != found.document]
    every, new = {*others, *cases}, set(cases) - set(known.cases)
    merged = {
        each.fault: replace(
            each,
            failed={case: cells for case, cells in each.failed.items() if case in every},
            unseen=(each.unseen & every) | (new if each.document == found.document else set()),
        )
        for each in known.of_faults
    } | {found.fault: found}
    return Signatures([*others, *cases], [merged[name] for name in faults if name in merged])


def _beside(
    found: Signature, known: Signatures, cases: Iterable[str], left_out: Collection[str]
) -> Signature:
    """With what is on record of the same fault for cases that were left out."""
    for before in known.of_faults:
        if (before.fault, before.document) == (found.fault, found.document):
            kept = (set(known.cases) & set(left_out)) - before.unseen
            failed = {**found.failed, **{case: before.failed[case] for case in kept & before.failed.keys()}}
            ordered = {case: failed[case] for case in cases if case in failed}
            return replace(found, failed=ordered, unseen=found.unseen - kept)
    return found


def document_of(case: str) -> str:
    """The name of the document that a case is of."""
    return case.partition("/")[0]


@cache
def recorded() -> Signatures:
    """What is on record, of all suites."""
    found = [read(file) for file in (FILE, EXTENDED)]
    return Signatures(
        [case for each in found for case in each.cases], [one for each in found for one in each.of_faults]
    )


def read(file: Path) -> Signatures:
    """What is on record in a file; nothing where there is none yet."""
    if not file.is_file():
        return Signatures((), ())
    data = fast_yaml.load(file.read_text())
    cases = data["cases"]
    return Signatures(
        cases,
        [
            Signature(
                each["fault"],
                each["document"],
                each["section"],
                each["sentence"],
                each["failed"],
                frozenset(cases[number] for number in _numbers(each.get("unseen", ""))),
            )
            for each in data["faults"]
        ],
    )


def dump(signatures: Signatures, file: Path = FILE) -> str:
    """The text of a file."""
    numbers = {case: number for number, case in enumerate(signatures.cases)}
    rows = [
        {
            "fault": each.fault,
            "document": each.document,
            "section": each.section,
            "sentence": each.sentence,
            "failed": {case: dict(cells) for case, cells in each.failed.items()},
            **({"unseen": _ranges(sorted(numbers[case] for case in each.unseen))} if each.unseen else {}),
        }
        for each in signatures.of_faults
    ]
    data = {"cases": list(signatures.cases), "faults": rows}
    head = HEAD.format(command=COMMANDS.get(file.name, COMMANDS[FILE.name]))
    return head + yaml.dump(data, Dumper=fast_yaml.DUMPER, sort_keys=False, width=10000, allow_unicode=True)


def _ranges(numbers: Sequence[int]) -> str:
    """`3, 7-9` of 3, 7, 8, 9."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ", ".join(f"{first}-{last}" if last > first else f"{first}" for first, last in ranges)


def _numbers(ranges: str) -> list[int]:
    found: list[int] = []
    for each in filter(None, ranges.split(", ")):
        first, _, last = each.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found
