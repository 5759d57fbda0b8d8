"""The extended suite runs by itself: no run of the documents knows of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fixtures.mesh_profile.profile import MESHES
from fixtures.report.collecting import Collecting
from tests.steps import cases
from tests.suite_runs import forked

EXTENDED = len(list(cases("extended")))
CORE = len(list(cases("current"))) + len(list(cases("istio-1.0")))


def collected(*arguments: str) -> int:
    """How many cases a run would be of; nothing may be left out of it."""
    run = forked("--collect-only", "-q", places=arguments)
    assert run.returncode in (0, 5), run.stdout + run.stderr
    assert "deselected" not in run.stdout
    found = re.search(r"^(\d+|no) tests? collected", run.stdout, re.MULTILINE)
    assert found, run.stdout
    return int(found[1].replace("no", "0"))


@pytest.mark.parametrize(
    ("arguments", "number"),
    [
        ("suites", CORE),
        ("suites --suite all", CORE),
        ("suites --suite extended", EXTENDED),
        ("suites/extended", EXTENDED),
        ("suites/extended suites/current suites/istio_1_0", CORE),
        ("suites/extended --suite all", 0),
    ],
)
def test_all_is_the_documents_and_the_extended_suite_is_asked_for_by_itself(
    arguments: str, number: int
) -> None:
    assert collected(*arguments.split()) == number


def test_the_catalogue_of_a_run_of_the_documents_does_not_have_it() -> None:
    everything = Collecting().result()
    assert len(everything.only(["current", "istio-1.0"]).entries) == CORE
    assert len(everything.entries) == CORE + EXTENDED


def test_details_of_istio_are_for_meshes_whose_profile_says_so(tmp_path: Path) -> None:
    levels = [case.step.requirement.level for case in cases("extended") if case.step.requirement]
    profile = (MESHES / "reference.yaml").read_text()
    assert "exact: true\n" in profile
    mesh = tmp_path / "another.yaml"
    mesh.write_text(profile.replace("exact: true\n", ""))
    run = forked("--mesh", str(mesh), "--collect-only", "-q", places=["suites/extended"])
    assert run.returncode == 0, run.stderr
    exact = levels.count("exact")
    assert exact
    assert f"{len(levels) - exact}/{len(levels)} tests collected ({exact} deselected)" in run.stdout


def test_a_mesh_that_speaks_another_api_is_refused() -> None:
    run = forked("--suite", "extended", "--mesh", "reference-1.0")
    assert run.returncode == 4
    assert "ERROR: --suite extended: the mesh reference-1.0 implements istio-1.0" in run.stderr
