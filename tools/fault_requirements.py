"""What the extended suite must catch: the requirements, and the wrong meshes that each of them names."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools import fault_runs
from tools.fault_expectations import Expectation
from tools.fault_judgement import Judgement, caught_by
from tools.fault_record import Kill, Record
from tools.fault_runs import Fault
from tools.lab_program import BadFault

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Requirement:
    """A requirement as `python -m fixtures.cli requirements --format json` has it."""

    id: str
    area: str
    sentence: str
    level: str
    source: str
    faults: tuple[str, ...]
    cases: tuple[str, ...]


def known() -> list[Requirement]:
    """All of them, in the order of their areas. Raises BadFault where they cannot be had."""
    command = [sys.executable, "-m", "fixtures.cli", "requirements", "--format", "json"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        raise BadFault(listed.stderr.strip().removeprefix("ERROR: "))
    return [
        Requirement(**{**row, "faults": tuple(row["faults"]), "cases": tuple(row["cases"])})
        for row in json.loads(listed.stdout)
    ]


def named(requirements: Sequence[Requirement]) -> list[str]:
    """The faults that they name, each once."""
    return list(dict.fromkeys(name for each in requirements for name in each.faults))


def expected(requirements: Sequence[Requirement], names: Sequence[str]) -> list[tuple[Fault, Expectation]]:
    """These faults, or all that requirements name, each with the requirements that it must break.

    Raises BadFault for one that no requirement names, or that no lab knows.
    """
    known = named(requirements)
    for name in names:
        if name not in known:
            raise BadFault(f"no requirement names the fault {name}")
    return [
        (
            fault,
            Expectation(requirements=tuple(each.id for each in requirements if fault.name in each.faults)),
        )
        for fault in fault_runs.describe(names or known)
    ]


def updated(
    before: Record, judgements: Iterable[Judgement], requirements: Iterable[Requirement]
) -> dict[str, list[Kill]]:
    """The record after some runs. Requirements, and faults of theirs, that are no more are not in it."""
    judged = {each.run.fault.name: each for each in judgements}
    after = {}
    for requirement in requirements:
        kills = {kill.fault: kill for kill in before.get(requirement.id, ())}
        for name in requirement.faults:
            if name not in judged:
                continue
            kills.pop(name, None)
            if cases := caught_by(judged[name].run, requirement.id):
                says = cases[0].text.partition("\n")[0]
                kills[name] = Kill(name, tuple(case.name for case in cases), says)
        if kept := [kills[name] for name in requirement.faults if name in kills]:
            after[requirement.id] = kept
    return after
