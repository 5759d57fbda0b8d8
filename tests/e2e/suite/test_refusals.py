"""A mesh that refuses plain text in another way: a profile may declare one of the ways, and no other."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from fixtures.mesh_profile.profile import MESHES
from tests.e2e.suite.runs import run_suites
from tests.programs import ran
from tools import verify_report

REASON = "its proxies close a connection without reading from it"
STRICT = "current/mesh-wide-strict/reachability/mesh-wide-strict"
CASES = "test_3_mesh_wide_strict or namespace-wide-strict or port_that_no_service"


@pytest.fixture
def lenient(tmp_path: Path) -> str:
    """The reference mesh's profile, which also declares 52."""
    path = tmp_path / "lenient.yaml"
    declared = f"refusals: {{exitCodes: [52, 56], reason: {REASON}}}\n"
    path.write_text((MESHES / "reference.yaml").read_text() + declared)
    return str(path)


def run(fault: str, chosen: str, folder: Path, *options: str) -> tuple[dict[str, Any], str]:
    folder.mkdir(exist_ok=True)
    reports = folder / "reports"
    ran = run_suites("--fault", fault, "-k", chosen, *options, "--bound", "1", reports=reports)
    report = yaml.safe_load((reports / "conformance-report.yaml").read_text())
    return report, ran.stdout


def came_to(report: dict[str, Any]) -> dict[str, str]:
    left = ("not-run", "not-applicable")
    return {row["id"]: row["result"] for row in report["cases"] if row["result"] not in left}


def test_a_mesh_that_closes_in_order_passes_where_its_profile_declares_it(
    lenient: str, tmp_path: Path
) -> None:
    report, printed = run("strict-closes-cleanly", CASES, tmp_path, "--mesh", lenient)
    results = came_to(report)
    assert set(results.values()) == {"passed"}, printed
    assert len(results) == 14
    mesh = next(each for each in report["implementations"] if each["document"] == "current")
    assert mesh["refusals"] == {"exitCodes": [56, 52], "reason": REASON}
    said = f"plain text is refused with curl's exit code 52 (also declared: 56): {REASON}"
    assert said in mesh["observed"]
    assert said in printed
    grid = next(row for row in report["cases"] if row["id"] == STRICT)["observation"]
    assert "000/56" in grid["expected"]
    assert "000/52" in grid["observed"], "a report shows what was seen"
    assert grid["differences"] == []
    file = tmp_path / "reports" / "conformance-report.yaml"
    assert verify(file).returncode == 0, verify(file).stderr
    without = tmp_path / "without.yaml"
    del mesh["refusals"]
    without.write_text(yaml.safe_dump(report))
    assert "000/52 instead of 000/56 is not listed" in verify(without).stderr


def test_a_mesh_that_breaks_or_closes_connections_as_it_comes_does_not_flap(
    lenient: str, tmp_path: Path
) -> None:
    fault = f"{Path(__file__).with_name('outside_fault.py')}:strict_closes_either_way"
    report, printed = run(fault, "test_3_mesh_wide_strict", tmp_path / "lenient", "--mesh", lenient)
    assert set(came_to(report).values()) == {"passed"}, printed
    assert f"plain text is refused with curl's exit code 56 or 52: {REASON}" in printed

    report, printed = run(fault, "never_flaps and foo", tmp_path / "documented", "--suite", "current")
    assert "passed" not in came_to(report).values()
    assert "000/52 instead of 000/56" in printed


def verify(file: Path) -> subprocess.CompletedProcess[str]:
    return ran(verify_report.main, str(file))


def test_it_does_not_where_the_profile_does_not_declare_it(tmp_path: Path) -> None:
    report, printed = run("strict-closes-cleanly", "mesh_wide_strict and reachability", tmp_path)
    assert came_to(report)[STRICT] == "failed"
    assert "sleep.legacy to httpbin.foo: 000/52 instead of 000/56" in printed


@pytest.mark.parametrize(
    ("fault", "seen"),
    [
        ("strict-as-permissive", "200"),
        ("strict-answers-403", "403"),
        ("strict-sends-an-alert", "000/1"),
        ("strict-shuts-everybody-out", "000/7"),
    ],
)
def test_what_is_no_refusal_is_found_whatever_a_profile_declares(
    fault: str, seen: str, lenient: str, tmp_path: Path
) -> None:
    chosen = "mesh_wide_strict and reachability"
    report, printed = run(fault, chosen, tmp_path, "--mesh", lenient)
    assert came_to(report)[STRICT] == "failed"
    assert f"sleep.legacy to httpbin.foo: {seen} instead of 000/56" in printed
