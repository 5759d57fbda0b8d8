"""A run that is held to how long policies may take to come through."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from fixtures.files.checked_yaml import CheckedYaml
from fixtures.report import checks, page, text
from fixtures.report.collecting import Collecting
from fixtures.report.conclusion import EXIT_OVER_BUDGET
from tests.e2e.suite.runs import ROOT, run_suites

ONE_GRID = ("--suite", "current", "-k", "namespace_or_workload and reachability and namespace-wide-strict")


@pytest.fixture(scope="module")
def over(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any]]:
    """What a run prints and reports whose profile promises more than any mesh can keep."""
    folder = tmp_path_factory.mktemp("over")
    profile = folder / "hasty.yaml"
    profile.write_text(
        (ROOT / "meshes" / "reference.yaml").read_text()
        + "settleBudget: {p95: 0.001ms, max: 20s}\n"
        + "implementation: {organization: a, project: b, url: 'https://c.example', contact: ['@d']}\n"
    )
    run = run_suites("--mesh", str(profile), *ONE_GRID, "-n", "1", reports=folder / "reports")
    assert run.returncode == EXIT_OVER_BUDGET, run.stdout
    return run.stdout, yaml.safe_load((folder / "reports" / "conformance-report.yaml").read_text())


def test_it_says_so_and_has_an_exit_code_of_its_own_but_the_mesh_conforms(
    over: tuple[str, dict[str, Any]],
) -> None:
    printed, report = over
    assert re.search(r"^settle budget   current: p95 is \d+ ms, over 1e-06 s$", printed, re.MULTILINE)
    assert re.search(r"^settle budget   current: max is \d+ ms, within 20 s$", printed, re.MULTILINE)
    last = r"^conclusion      partial: 1 of \d+ cases passed; .*; over the settle budget \(current: p95 is "
    assert re.search(last, printed, re.MULTILINE)
    assert (report["result"], report["run"]["exitCode"]) == ("partial", EXIT_OVER_BUDGET)
    (current,) = [mesh for mesh in report["implementations"] if mesh["document"] == "current"]
    (p95, most) = current["settleBudget"]
    assert (p95["kept"], most["kept"]) == (False, True)
    assert p95["observed"] == current["statistics"]["settle"]["p95"] == most["observed"]
    assert current["statistics"]["settle"]["steps"]["namespace-wide-strict"]["p95"] == p95["observed"]
    assert "over 1e-06 s" in page.render(report)
    declared = {"organization": "a", "project": "b", "url": "https://c.example", "contact": ["@d"]}
    assert current["declared"] == declared
    assert '<a href="https://c.example">b</a> of a; @d' in page.render(report)


def nothing(_report: dict[str, Any]) -> None:
    """A report as it is."""


def hides_the_exit_code(report: dict[str, Any]) -> None:
    report["run"]["exitCode"] = 0


def keeps_what_was_exceeded(report: dict[str, Any]) -> None:
    current = next(mesh for mesh in report["implementations"] if "settleBudget" in mesh)
    current["settleBudget"][0] |= {"kept": True}
    report["run"]["exitCode"] = 0


def makes_a_step_faster(report: dict[str, Any]) -> None:
    current = next(mesh for mesh in report["implementations"] if "settleBudget" in mesh)
    current["statistics"]["settle"]["steps"]["namespace-wide-strict"]["p95"] = 0.0


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (nothing, None),
        (hides_the_exit_code, "the exit code that follows from the cases is 8"),
        (keeps_what_was_exceeded, "what was observed of the settle budget does not follow from the cases"),
        (makes_a_step_faster, "the settle that follow from the cases are "),
    ],
)
def test_what_is_said_of_it_follows_from_the_cases(
    change: Callable[[dict[str, Any]], None], complaint: str | None, over: tuple[str, dict[str, Any]]
) -> None:
    report = copy.deepcopy(over[1])
    change(report)
    found = [
        mistake.text for mistake in checks.mistakes(CheckedYaml(text.dump(report)), Collecting().result())
    ]
    assert found == [] if complaint is None else any(complaint in each for each in found), found


def test_a_budget_that_cannot_be_read_is_wrong_usage(tmp_path: Path) -> None:
    run = run_suites("--settle-budget", "p95=fast", reports=tmp_path / "reports")
    assert run.returncode == 4
    assert "--settle-budget p95=fast: p95=fast: not a duration above 0, such as 2s or 500ms" in run.stderr
    assert not (tmp_path / "reports").exists()
