"""Which cases of each requirement have noticed which wrong mesh: a record, kept with the extended suite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import yaml

from tools import fast_yaml

FILE = Path(__file__).resolve().parent.parent / "suites" / "extended" / "killed.yaml"

HEAD = "# Which cases of a requirement have noticed a wrong mesh: written by `make faults SUITE=extended`.\n"


@dataclass(frozen=True)
class Kill:
    """A wrong mesh that was noticed: by which cases of a requirement, and what the first of them says."""

    fault: str
    cases: tuple[str, ...]
    says: str


Record = Mapping[str, Sequence[Kill]]
"""By the name of the requirement."""


def load(file: Path = FILE) -> dict[str, list[Kill]]:
    """What is on record; nothing where there is no file yet."""
    rows = fast_yaml.load(file.read_text()) if file.is_file() else None
    return {
        name: [Kill(each["fault"], tuple(each["cases"]), each["says"]) for each in kills]
        for name, kills in (rows or {}).items()
    }


def dump(record: Record) -> str:
    """The text of the file."""
    rows = {
        name: [{**asdict(kill), "cases": list(kill.cases)} for kill in kills]
        for name, kills in record.items()
    }
    return HEAD + yaml.safe_dump(rows, sort_keys=False, width=1000, allow_unicode=True)
