"""A case whose step is known not to settle is blocked: neither passed nor failed, and counted apart."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from junitparser import JUnitXml, Skipped

from fixtures.files.checked_yaml import CheckedYaml
from fixtures.report import checks, text
from fixtures.report.collecting import Collecting
from tests.e2e.suite.older_reports import as_version_1
from tests.e2e.suite.runs import run_suites

WRONG_MESH = ("--suite", "current", "--fault", "strict-as-permissive", "--bound", "0.5")
SECTION = "current/mesh-wide-strict"
STEP = f"{SECTION}/reachability/mesh-wide-strict"
STAND_ON_IT = [
    f"{SECTION}/{test}"
    for test in (
        "refusal-never-flaps/foo",
        "refusal-never-flaps/bar",
        "tls-that-is-not-mutual-is-refused/none",
        "tls-that-is-not-mutual-is-refused/foreign",
        "other-workloads-and-ports/mesh-wide-strict",
        "every-pod/mesh-wide-strict",
    )
]
BLOCKED = len(STAND_ON_IT)
PASSED = [f"{SECTION}/cleanup/cleanup-1", f"{SECTION}/other-workloads-and-ports/cleanup-1"]
ALL = 1 + BLOCKED + len(PASSED)
LET_IN = "sleep.legacy to httpbin.foo: 200 instead of 000/56 (it was let in without mutual TLS)"
DOES_NOT_SETTLE = f"the step mesh-wide-strict did not settle: {LET_IN}"


def report_in(folder: Path) -> dict[str, Any]:
    return dict(yaml.safe_load((folder / "conformance-report.yaml").read_text()))


def came_to(report: Mapping[str, Any]) -> dict[str, str]:
    """What the cases came to that ran."""
    return {row["id"]: row["result"] for row in report["cases"] if row["result"] != "not-run"}


def row(report: Mapping[str, Any], case_id: str) -> dict[str, Any]:
    return next(found for found in report["cases"] if found["id"] == case_id)


@pytest.fixture(scope="module")
def section(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reports of a run of the section whose step does not settle."""
    folder = tmp_path_factory.mktemp("blocked")
    cache = ("-o", f"cache_dir={folder / 'cache'}")
    run = run_suites(*WRONG_MESH, *cache, "-k", "mesh_wide_strict", reports=folder / "reports")
    assert run.returncode == 1, run.stdout
    (folder / "output").write_text(run.stdout)
    return folder


def test_what_stands_on_a_step_that_failed_is_blocked_and_names_it(section: Path) -> None:
    report = report_in(section / "reports")
    blocked, passed = dict.fromkeys(STAND_ON_IT, "blocked"), dict.fromkeys(PASSED, "passed")
    assert came_to(report) == {STEP: "failed", **blocked, **passed}
    for case in STAND_ON_IT:
        assert row(report, case)["reason"] == DOES_NOT_SETTLE
        assert row(report, case)["blockedBy"] == STEP
    results = report["statistics"]["results"]
    assert (results["failed"], results["blocked"], results["passed"]) == (1, BLOCKED, len(PASSED))


def test_people_are_told_once_of_one_cause(section: Path) -> None:
    printed = (section / "output").read_text()
    assert re.search(r"::test_refusal_never_flaps\[foo\] BLOCKED", printed)
    counts = rf"^current +{len(PASSED)} of {ALL} passed, 1 failed, {BLOCKED} blocked, "
    assert re.search(counts, printed, re.MULTILINE)
    first = f"{1 + BLOCKED} cases (1 failed, {BLOCKED} blocked), first {STEP}"
    assert re.search(rf"^failed +{re.escape(LET_IN)}\n +{re.escape(first)}$", printed, re.MULTILINE)
    assert re.search(rf"1 failed, {len(PASSED)} passed, \d+ deselected, {BLOCKED} blocked", printed)
    page = (section / "reports" / "conformance-report.html").read_text()
    assert page.count('<article class="failed"') == 1
    assert f"{BLOCKED} cases were not run, because" in page


def test_other_readers_see_them_as_skipped(section: Path) -> None:
    (suite,) = JUnitXml.fromfile(str(section / "reports" / "junit.xml"))
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (ALL, 1, 0, BLOCKED)
    told = [result for case in suite for result in case.result if isinstance(result, Skipped)]
    assert [(skip.type, skip.message) for skip in told] == [
        ("blocked", f"blocked: {DOES_NOT_SETTLE}")
    ] * BLOCKED
    results = section / "reports" / "allure-results"
    found = [json.loads(path.read_text()) for path in results.glob("*-result.json")]
    assert sorted(case["status"] for case in found) == [
        "failed",
        *["passed"] * len(PASSED),
        *["skipped"] * BLOCKED,
    ]
    categories = json.loads((results / "categories.json").read_text())
    message = next(case["statusDetails"]["message"] for case in found if case["status"] == "skipped")
    fits = [
        kind["name"]
        for kind in categories
        if "skipped" in kind["matchedStatuses"] and re.fullmatch(kind.get("messageRegex", ".*"), message)
    ]
    assert fits == ["Blocked: a step that it depends on failed"]


def test_what_is_yet_to_pass_runs_again_with_lf(section: Path) -> None:
    again = run_suites("-o", f"cache_dir={section / 'cache'}", "--lf", "--collect-only", "-q")
    assert f"\n{1 + BLOCKED} tests collected" in again.stdout


def test_the_report_is_sound_and_not_without_the_failure(section: Path) -> None:
    catalogue = Collecting().result()
    report = report_in(section / "reports")
    assert checks.mistakes(CheckedYaml(text.dump(report)), catalogue) == []
    row(report, STAND_ON_IT[0])["blockedBy"] = PASSED[0]
    (found,) = checks.mistakes(CheckedYaml(text.dump(report)), catalogue)
    assert found.text == f"{PASSED[0]} did not fail, so it does not block {STAND_ON_IT[0]}"


def test_a_report_from_before_there_were_blocked_cases_is_still_sound(section: Path) -> None:
    report = as_version_1(report_in(section / "reports"))
    for part in (report, *report["implementations"]):
        counts = part["statistics"]["results"]
        counts["failed"] += counts.pop("blocked")
    for case in STAND_ON_IT:
        found = row(report, case)
        found["result"] = "failed"
        del found["blockedBy"]
    assert checks.mistakes(CheckedYaml(text.dump(report)), Collecting().result()) == []


def test_where_only_cases_run_that_stand_on_it_the_first_of_them_has_the_finding(tmp_path: Path) -> None:
    run = run_suites(*WRONG_MESH, "-k", "never_flaps", "-n", "2", reports=tmp_path)
    assert run.returncode == 1, run.stdout
    report = report_in(tmp_path)
    first, second = STAND_ON_IT[:2]
    assert came_to(report) == {first: "failed", second: "blocked"}
    assert row(report, first)["reason"].startswith(
        f"{LET_IN}, and 1 more\nmesh-wide-strict: the grid did not"
    )
    assert row(report, second)["blockedBy"] == first


def test_what_waits_for_the_documented_loop_is_blocked_by_the_step_that_it_begins_in(tmp_path: Path) -> None:
    options = (
        "--suite",
        "istio-1.0",
        "--fault",
        "missing-token-accepted",
        "--bound",
        "0.5",
        "--mode",
        "full",
    )
    run = run_suites(*options, "-k", "end_user_authentication and (answers or refusal)", reports=tmp_path)
    assert run.returncode == 1, run.stdout
    report = report_in(tmp_path)
    section = "istio-1.0/end-user-authentication"
    found = came_to(report)
    assert found.pop(f"{section}/answers/jwt-example") == "failed"
    blocked = [case for case, result in found.items() if result == "blocked"]
    assert f"{section}/refusal/none" in blocked
    assert f"{section}/answers/other-tokens" in blocked
    assert {row(report, case)["blockedBy"] for case in blocked} == {f"{section}/answers/jwt-example"}
    assert re.search(r"3 failed, \d+ deselected, 5 blocked in", run.stdout)
