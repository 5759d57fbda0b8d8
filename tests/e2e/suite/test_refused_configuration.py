"""A run during which a proxy refused its configuration is no run that shows that a mesh conforms."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.files.checked_yaml import CheckedYaml
from fixtures.report import checks
from fixtures.report.collecting import Collecting
from tests.e2e.suite.runs import run_suites

FAULT = "proxy-refuses-its-configuration"
CHOSEN = ("--suite", "current", "-k", "test_3 and mesh-wide-strict", "--bound", "1")


@pytest.mark.parametrize(
    ("options", "concluded", "code"),
    [
        ((), "could-not-tell", 3),
        (("-n", "1"), "could-not-tell", 3),
        (("--fault", "strict-answers-403"), "not-conformant", 1),
    ],
    ids=["passed", "worker", "failed"],
)
def test_it_is_told_and_nothing_that_passed_counts(
    tmp_path: Path, options: tuple[str, ...], concluded: str, code: int
) -> None:
    run = run_suites(*CHOSEN, "--fault", FAULT, *options, reports=tmp_path / "reports")
    report = CheckedYaml((tmp_path / "reports" / "conformance-report.yaml").read_text())
    assert (report.data["result"], run.returncode) == (concluded, code), run.stdout
    mesh = report.data["implementations"][0]
    assert mesh["result"] == concluded
    assert any("no filter chains specified" in line for line in mesh["refusedConfiguration"])
    (conclusion,) = [line for line in run.stdout.splitlines() if line.startswith("conclusion ")]
    assert "Envoy refuses its listeners after PeerAuthentication" in conclusion
    assert "\nrefused " in run.stdout
    assert not checks.mistakes(report, Collecting().result())
