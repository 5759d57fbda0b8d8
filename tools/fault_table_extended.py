"""The kill table of the extended suite, as Markdown: made of the record, so that some can be run again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from tools.fault_expectations import BOUND_S
from tools.fault_record import Kill, Record
from tools.fault_requirements import Requirement
from tools.fault_runs import AFTER_S
from tools.numbers import counted

TABLE = Path(__file__).resolve().parent.parent / "docs" / "faults-extended.md"

HEAD = f"""\
# Known-bad meshes of the extended suite

Made by `make faults SUITE=extended`, which runs the cases of each requirement against the wrong meshes that
the requirement names (`suites/extended/requirements/`). A fault counts where a case of that very requirement
fails. Those that show in the two documents are in [faults.md](faults.md).

{{counts}}.

The settle bound is {BOUND_S:g} s, and one right round is enough, {AFTER_S:g} s after the policies, as several
labs share the machine.
"""

COLUMNS = (
    "| requirement | fault | what is wrong | the failure says | cases that failed |",
    "|---|---|---|---|---|",
)

NOT_KILLED = "none of its cases has noticed it"


def document(requirements: Sequence[Requirement], record: Record, sentences: Mapping[str, str]) -> str:
    """The page. `sentences` says of each fault what is wrong."""
    named = [(each.id, name) for each in requirements for name in each.faults]
    killed = {(each, kill.fault) for each, kills in record.items() for kill in kills} & set(named)
    counts = (
        f"{counted(len({name for _, name in named}), 'fault')} of "
        f"{counted(len(requirements), 'requirement')}: {len(killed)} of {len(named)} killed"
    )
    lines = HEAD.format(counts=counts).splitlines()
    for area, members in groupby(requirements, lambda each: each.area):
        if rows := list(_rows(members, record, sentences)):
            lines += ["", f"## {area}", "", *COLUMNS, *rows]
    return "\n".join(lines) + "\n"


def _rows(requirements: Iterable[Requirement], record: Record, sentences: Mapping[str, str]) -> Iterator[str]:
    for each in requirements:
        kills = {kill.fault: kill for kill in record.get(each.id, ())}
        for name in each.faults:
            cells = (f"`{each.id}`", f"`{name}`", sentences[name], *_seen(kills.get(name), each))
            yield f"| {' | '.join(cells)} |"


def _seen(kill: Kill | None, requirement: Requirement) -> tuple[str, str]:
    if kill is None:
        return NOT_KILLED, ""
    says = kill.says.replace("|", "\\|")
    cases = ", ".join(f"`{case.split('/', 2)[2]}`" for case in kill.cases)
    return f"`{says}`", f"{len(kill.cases)} of {len(requirement.cases)}: {cases}"
