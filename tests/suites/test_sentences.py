"""The tables of sentences: each has a case that shows it, and a wrong mesh that breaks it."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache

import pytest

from fixtures.model import documents
from fixtures.model.case import Case
from fixtures.model.case_ids import case_id
from lab.faults import known
from tests.steps import steps
from tools.fault_expectations import load

FOLDER = documents.ROOT / "docs"
TABLES = sorted(path.stem.removeprefix("sentences-") for path in FOLDER.glob("sentences-*.md"))

LEFT_OUT = "[...]"


@dataclass(frozen=True)
class Row:
    """A line of a table. What promises nothing of a mesh has two cells only: the sentence, and why."""

    cells: tuple[str, ...]

    @property
    def promises(self) -> bool:
        return len(self.cells) > 2

    def named(self, column: int) -> list[str]:
        """What stands in a cell as code."""
        return re.findall(r"`([^`]+)`", self.cells[column])


@cache
def rows(document: str) -> tuple[Row, ...]:
    lines = (FOLDER / f"sentences-{document}.md").read_text().splitlines()
    split = (
        tuple(cell.strip() for cell in line.strip("|").split(" | ")) for line in lines if line.startswith("|")
    )
    return tuple(Row(cells) for cells in split if cells[0] != "sentence" and not cells[0].startswith("---"))


def promising(document: str) -> list[Row]:
    return [row for row in rows(document) if row.promises]


def cases(document: str) -> Iterator[str]:
    """Every case of a document, as the table names it."""
    for file in sorted(documents.folder(document).glob("test_*.py")):
        path = file.relative_to(documents.ROOT)
        for step in importlib.import_module(".".join(path.with_suffix("").parts)).STEPS:
            for case in (Case(step, expectation) for expectation in step.expect):
                test = f"{path}::test_{case.test.replace('-', '_')}"
                node = f"{test}[{case.label}]" if case.label else test
                yield case_id(node).removeprefix(f"{document}/")


def stands_for(name: str, case: str) -> bool:
    """Whether a name in a table is that of a case; `*` is any part of it."""
    return fnmatchcase(case, name)


def plain(text: str) -> str:
    return " ".join(text.replace("`", "").split())


@pytest.mark.parametrize("document", TABLES)
def test_no_cell_is_empty(document: str) -> None:
    assert {len(row.cells) for row in rows(document)} == {2, 4}
    assert [row for row in rows(document) if not all(row.cells)] == []
    assert [row.cells[0] for row in promising(document) if not (row.named(2) and row.named(3))] == []


@pytest.mark.parametrize("document", TABLES)
def test_a_sentence_stands_in_a_table_once(document: str) -> None:
    sentences = [row.cells[0] for row in rows(document)]
    assert len(set(sentences)) == len(sentences)


@pytest.mark.parametrize("document", TABLES)
def test_each_case_is_one_of_the_suite(document: str) -> None:
    named = {case for row in promising(document) for case in row.named(2)}
    assert {each for each in named if not any(stands_for(each, case) for case in cases(document))} == set()


@pytest.mark.parametrize("document", TABLES)
def test_each_case_of_the_suite_shows_a_sentence_or_is_named_where_nothing_is_promised(document: str) -> None:
    named = {case for row in rows(document) for case in row.named(2 if row.promises else 1)}
    assert [case for case in cases(document) if not any(stands_for(each, case) for each in named)] == []


@pytest.mark.parametrize("document", TABLES)
def test_each_fault_is_one_that_a_case_must_catch_and_all_of_these_are_there(document: str) -> None:
    named = {fault for row in promising(document) for fault in row.named(3)}
    expected = load()
    caught = {each.name for each in known() if each.document == document and expected[each.name].caught}
    assert named == caught


@pytest.mark.parametrize("document", TABLES)
def test_what_a_step_quotes_stands_in_the_table(document: str) -> None:
    text = plain(" ".join(row.cells[0] for row in rows(document)))
    parts = [plain(part) for step in steps(document) for part in step.quote.split(LEFT_OUT)]
    assert [part for part in parts if part.rstrip(".:") not in text] == []
