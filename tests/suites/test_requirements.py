"""The book of requirements of the extended suite: up to date, and each requirement has a case."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from fixtures.cli.book.lines import Line, lines
from fixtures.cli.requirements import printed
from fixtures.cluster.client import read_manifests
from fixtures.model.document import EXTENDED
from fixtures.model.documents import ROOT
from fixtures.model.requirement import MUST, load
from fixtures.model.step import Step
from fixtures.report.collecting import Collecting
from lab.faults import beyond, known
from suites.extended.book import REQUIREMENTS
from tests.steps import cases, manifests, steps
from tools import fault_record, fault_requirements
from tools.fault_table_extended import TABLE, document

DOCUMENTATION = {"istio.io", "gateway-api.sigs.k8s.io", "kubernetes.io", "www.rfc-editor.org"}
"""Where promises are made to users of the API."""

BOOK = ROOT / "docs" / "requirements.md"


def book_lines() -> list[Line]:
    """As the book has them."""
    return lines(REQUIREMENTS.values(), Collecting().result(), fault_record.load(), [])


def test_the_book_is_what_the_suite_has() -> None:
    assert BOOK.read_text() == printed(Collecting().result(), "markdown")


def test_every_requirement_has_a_case_and_the_order_of_its_area() -> None:
    held = [case.step.requirement for case in cases("extended")]
    assert list(dict.fromkeys(each.id for each in held if each)) == list(REQUIREMENTS)


def test_every_case_has_a_requirement() -> None:
    assert [case.step.id for case in cases("extended") if case.step.requirement is None] == []


def test_requirements_are_sentences_of_areas_that_have_some() -> None:
    assert list(dict.fromkeys(each.area for each in REQUIREMENTS.values())) == list(EXTENDED.sections)
    for each in REQUIREMENTS.values():
        assert each.sentence[0].isupper(), each.id
        assert each.sentence.endswith("."), each.id
        assert each.source.startswith("https://"), each.id


def test_what_a_mesh_must_do_is_promised_in_a_document_and_not_in_an_issue_or_in_code() -> None:
    of = {urlsplit(each.source).netloc for each in REQUIREMENTS.values() if each.level == MUST}
    assert of <= DOCUMENTATION


def test_faults_that_requirements_name_are_there_and_each_has_a_requirement() -> None:
    named = {fault for each in REQUIREMENTS.values() for fault in each.faults}
    assert named - {fault.name for fault in (*known(), *beyond())} == set()
    assert {fault.name for fault in beyond()} - named == set()


def test_every_requirement_has_killed_a_fault_and_all_that_it_names() -> None:
    """As the record says; `make faults SUITE=extended` makes it."""
    of = book_lines()
    assert [line.requirement.id for line in of if not line.requirement.faults] == []
    alive = {line.requirement.id: {*line.requirement.faults} - {*line.killed} for line in of}
    assert {name: faults for name, faults in alive.items() if faults} == {}


def test_the_table_of_known_bad_meshes_is_what_is_on_record() -> None:
    sentences = {fault.name: fault.sentence for fault in (*known(), *beyond())}
    assert TABLE.read_text() == document(fault_requirements.known(), fault_record.load(), sentences)


def test_faults_of_the_suite_are_of_its_areas() -> None:
    assert {fault.section for fault in beyond()} <= set(EXTENDED.sections)


def test_every_manifest_says_which_requirement_it_is_for() -> None:
    """In its first line, in words: whoever finds it in a cluster can look it up."""
    assert all(path.read_text().startswith("# ") for path in manifests("extended"))


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({"tokens": {"r": "should"}}, "the requirement r has no such level: should"),
        ({"rooms": {"r": "must"}}, "rooms.toml: the suite has no area of this name"),
        (
            {"tokens": {"r": "must"}, "identity-header": {"r": "must"}},
            "two requirements have the name r: of Identity header, and of Tokens",
        ),
    ],
)
def test_what_is_no_requirement(tmp_path: Path, files: dict[str, dict[str, str]], complaint: str) -> None:
    for area, levels in files.items():
        rows = (
            f'[{name}]\nsentence = "A."\nlevel = "{level}"\nsource = "https://e.org"\n'
            for name, level in levels.items()
        )
        (tmp_path / f"{area}.toml").write_text("".join(rows))
    with pytest.raises(ValueError, match=complaint):
        load(tmp_path)


def test_policies_whose_age_matters_are_created_in_their_own_step() -> None:
    """One that another step had before would be as old as that."""
    of_age = [step for step in steps("extended") if step.by_age]
    assert of_age
    for step in of_age:
        own = names(step)
        assert len(own) > 1, step.id
        others = {name for each in steps("extended") if each is not step for name in names(each)}
        assert own & others == set(), step.id


def names(step: Step) -> set[tuple[str, str, str]]:
    """Kinds, namespaces and names of the policies of a step."""
    manifests = (manifest for path in step.paths for manifest in read_manifests(path))
    return {
        (each["kind"], each["metadata"].get("namespace", ""), each["metadata"]["name"]) for each in manifests
    }
