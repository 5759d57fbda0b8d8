"""The book of requirements of the extended suite: up to date, and each requirement has a case."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.cli.requirements import book
from fixtures.model.document import EXTENDED
from fixtures.model.documents import ROOT
from fixtures.model.requirement import load
from fixtures.report.collecting import Collecting
from suites.extended.book import REQUIREMENTS
from tests.steps import cases, steps

BOOK = ROOT / "docs" / "requirements.md"


def test_the_book_is_what_the_suite_has() -> None:
    assert BOOK.read_text() == book(Collecting().result())


def test_every_requirement_has_a_case_and_the_order_of_its_area() -> None:
    held = [case.step.requirement for case in cases("extended")]
    assert list(dict.fromkeys(each.id for each in held if each)) == list(REQUIREMENTS)


def test_requirements_are_sentences_of_areas_that_have_some() -> None:
    assert list(dict.fromkeys(each.area for each in REQUIREMENTS.values())) == list(EXTENDED.sections)
    for each in REQUIREMENTS.values():
        assert each.sentence[0].isupper(), each.id
        assert each.sentence.endswith("."), each.id
        assert each.source.startswith("https://"), each.id


def test_every_manifest_says_which_requirement_it_is_for() -> None:
    """In its first line, in words: whoever finds it in a cluster can look it up."""
    assert all(path.read_text().startswith("# ") for step in steps("extended") for path in step.paths)


@pytest.mark.parametrize(
    ("field", "value", "complaint"),
    [
        ("level", "should", "the requirement r has no such level: should"),
        ("area", "Rooms", 'the document extended has no section "Rooms"'),
    ],
)
def test_what_is_no_requirement(tmp_path: Path, field: str, value: str, complaint: str) -> None:
    row = {"area": EXTENDED.sections[0], "sentence": "A.", "level": "must", "source": "https://e.org"}
    file = tmp_path / "requirements.toml"
    file.write_text("[r]\n" + "".join(f'{name} = "{text}"\n' for name, text in {**row, field: value}.items()))
    with pytest.raises(ValueError, match=complaint):
        load(file)
