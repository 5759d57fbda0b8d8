"""The steps of the suites, for tests about them."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path

from fixtures.model import documents
from fixtures.model.case import Case
from fixtures.model.step import MANIFESTS, Step


def steps(document: str) -> list[Step]:
    """Every step of a document, in its order."""
    files = sorted(documents.folder(document).glob("test_*.py"))
    names = (".".join(file.relative_to(documents.ROOT).with_suffix("").parts) for file in files)
    return [step for name in names for step in importlib.import_module(name).STEPS]


def step(document: str, name: str) -> Step:
    """The step of this name."""
    (found,) = (each for each in steps(document) if each.id == name)
    return found


def cases(document: str) -> Iterator[Case]:
    """Every case of a document, in its order."""
    for each in steps(document):
        yield from (Case(each, expectation) for expectation in each.expect)


def manifests(document: str) -> set[Path]:
    """Every file of manifests that a step of a document names, or what is expected in one."""
    own = {path for each in steps(document) for path in each.paths}
    return own | {MANIFESTS / name for case in cases(document) for name in case.expectation.manifests}
