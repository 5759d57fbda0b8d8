"""What each deliberate non-conformance must be caught by: `fault_expectations.yaml`, written by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools import fast_yaml

FILE = Path(__file__).with_suffix(".yaml")

BOUND_S = 1.0

MESH_BOUND_S = 5.0
"""For meshes that are installed: several control planes share the machine."""


def file_of(mesh: str) -> Path:
    """Those of the wrong meshes that are made of an installed one."""
    return FILE.with_stem(f"{FILE.stem}_{mesh.replace('-', '_')}")


@dataclass(frozen=True)
class Expectation:
    """What must be seen of one fault. Of `caught`, `survives`, `untold` and `requirements` at
    most one says something.

    `caught` is the first case that must fail (its file and name; `*` for any part of it), `says` what must
    stand in its failure, whose first line must have the first of it, or say of another cell what it is
    instead of what; `survives` is why no case can notice the fault; `untold` is in the output of a run that
    could not tell; of each of the `requirements` of the extended suite a case must fail.
    None of them: a fault from outside the project, of which nothing is expected but to be caught.
    """

    caught: str = ""
    says: tuple[str, ...] = ()
    survives: str = ""
    untold: str = ""
    requirements: tuple[str, ...] = ()
    bound_s: float = BOUND_S
    only_first: bool = False
    """Whether the run ends with the first failure."""


def load(file: Path = FILE, bound_s: float = BOUND_S) -> dict[str, Expectation]:
    """Expectations by the name of the fault; `bound_s` is what most are given."""
    declared: Mapping[str, Mapping[str, Any]] = fast_yaml.load(file.read_text())
    return {
        name: Expectation(
            caught=fields.get("caught", ""),
            says=tuple(fields.get("says", ())),
            survives=fields.get("survives", ""),
            untold=fields.get("untold", ""),
            bound_s=fields.get("bound", bound_s),
            only_first=fields.get("first", False),
        )
        for name, fields in declared.items()
    }
