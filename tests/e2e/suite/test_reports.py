"""What a run leaves: a report that others can check, a page, evidence that alone says what broke."""

from __future__ import annotations

import copy
import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from allure_commons import model2
from junitparser import Failure, JUnitXml, Properties

from fixtures.files.checked_yaml import CheckedYaml
from fixtures.report import checks, text
from fixtures.report.catalogue import Catalogue
from fixtures.report.collecting import Collecting
from tests.e2e.suite.browser import CHROMIUM, look
from tests.e2e.suite.older_reports import as_version_1
from tests.e2e.suite.runs import ROOT, run_suites
from tests.programs import ran
from tools import verify_report

PORT_8080 = "current/namespace-or-workload/reachability/port-8080-disabled"
PRECEDENCE = "current/namespace-or-workload/reachability/policy-precedence"
DIFFERS = "sleep.legacy to httpbin.bar: 000/56 instead of 200 (refused as if mutual TLS were required)"
SECTION = "namespace_or_workload and reachability and not (other-version or over-mesh or unbound)"


@dataclass(frozen=True)
class Left:
    """A run that is over, and what it left."""

    run: subprocess.CompletedProcess[str]
    reports: Path
    job_summary: str

    @property
    def report(self) -> dict[str, Any]:
        return dict(yaml.safe_load((self.reports / "conformance-report.yaml").read_text()))

    def case(self, case_id: str) -> dict[str, Any]:
        return next(row for row in self.report["cases"] if row["id"] == case_id)


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> Left:
    """A run, as GitHub starts one, against a mesh that ignores portLevelMtls."""
    folder = tmp_path_factory.mktemp("failing")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GITHUB_ACTIONS", "true")
        patch.setenv("GITHUB_STEP_SUMMARY", str(folder / "summary.md"))
        patch.setenv("GITHUB_OUTPUT", str(folder / "output"))
        run = run_suites(
            *("--fault", "port-level-ignored", "-k", SECTION, "--bound", "1", "--evidence", "whole"),
            reports=folder / "reports",
        )
    assert run.returncode == 1, run.stdout
    return Left(run, folder / "reports", (folder / "summary.md").read_text())


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Collecting().result()


def verify(file: Path) -> subprocess.CompletedProcess[str]:
    return ran(verify_report.main, str(file))


def test_the_report_says_what_every_case_came_to(failing: Left) -> None:
    report = failing.report
    run = report["run"]
    assert (report["result"], run["state"], run["exitCode"]) == ("not-conformant", "finished", 1)
    assert report["run"]["faults"] == ["port-level-ignored"]
    results = report["statistics"]["results"]
    assert (results["passed"], results["failed"]) == (4, 2)
    assert results["not-run"] == len(report["cases"]) - 6
    assert failing.case("current/setup/reachability")["reason"] == f"left out by -k '{SECTION}'"
    current = next(mesh for mesh in report["implementations"] if mesh["document"] == "current")
    assert current["environment"]["envoy"].startswith("1.")

    case = failing.case(PORT_8080)
    assert case["section"] == "Enable mutual TLS per workload"
    assert case["quote"].endswith("requires mutual TLS on all ports, except port 8080")
    assert case["policies"][-1] == "manifests/current/port-8080-disable-bar.yaml"
    (difference,) = case["observation"]["differences"]
    assert (difference["from"], difference["to"]) == ("legacy", "bar")
    assert (difference["expected"], difference["observed"]) == ("200", "000/56")
    assert difference["repeat"].startswith("kubectl exec -n legacy deploy/sleep -c sleep -- curl ")


def test_the_closing_table_says_how_many_of_each_document_and_where_the_report_is(failing: Left) -> None:
    printed, place = failing.run.stdout, failing.reports
    assert re.search(r"^current +4 of 6 passed, 2 failed, \d+ not run$", printed, re.MULTILINE)
    assert f"report          {place}/conformance-report.yaml, conformance-report.html" in printed
    assert f"evidence        {place}/evidence/{PORT_8080}" in printed
    assert re.search(r"^diagnosis +2 cases fail as in .*\bport-level-ignored\b", printed, re.MULTILINE)


def test_verify_report_finds_it_sound_and_says_what_it_says(failing: Left) -> None:
    command = [sys.executable, "-m", "tools.verify_report", str(failing.reports / "conformance-report.yaml")]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr
    assert "current, reference: not-conformant (4 passed, 2 failed, " in run.stdout
    assert "made wrong on purpose: port-level-ignored" in run.stdout


def nothing(_report: dict[str, Any]) -> None:
    """A report as it is."""


def calls_a_failure_passed(report: dict[str, Any]) -> None:
    row = row_of(report, PORT_8080)
    row["result"] = "passed"
    del row["reason"], row["differs"]


def drops_a_failure(report: dict[str, Any]) -> None:
    report["cases"].remove(row_of(report, PORT_8080))


def counts_one_more(report: dict[str, Any]) -> None:
    report["statistics"]["results"]["passed"] += 1


def concludes_conformant(report: dict[str, Any]) -> None:
    report["result"] = "conformant"


def expects_what_was_seen(report: dict[str, Any]) -> None:
    grid = row_of(report, PORT_8080)["observation"]
    grid.update(expected=grid["observed"], differences=[])


def hides_a_difference(report: dict[str, Any]) -> None:
    row_of(report, PORT_8080)["observation"]["differences"] = []


def forgets_what_was_seen(report: dict[str, Any]) -> None:
    del row_of(report, "current/namespace-or-workload/reachability/namespace-wide-strict")["observation"]


def names_another_state(report: dict[str, Any]) -> None:
    row_of(report, PORT_8080).update(policies=[])


def garbles_a_grid(report: dict[str, Any]) -> None:
    row_of(report, PORT_8080)["observation"]["observed"] = "   foo\nfoo  fine"


def makes_up_a_case(report: dict[str, Any]) -> None:
    report["cases"].append({**row_of(report, PORT_8080), "id": "current/made/up"})


def hides_the_exit_code(report: dict[str, Any]) -> None:
    report["run"]["exitCode"] = 0


def calls_a_left_out_case_passed(report: dict[str, Any]) -> None:
    row_of(report, "current/setup/reachability").update(result="passed")


def row_of(report: dict[str, Any], case_id: str) -> dict[str, Any]:
    return next(row for row in report["cases"] if row["id"] == case_id)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (nothing, None),
        (calls_a_failure_passed, f"{PORT_8080} passed, and what was seen of it did not settle"),
        (drops_a_failure, f"the case {PORT_8080} is missing"),
        (counts_one_more, "the results that follow from the cases are passed 4, failed 2, "),
        (concludes_conformant, "the result that follows from the cases is not-conformant"),
        (expects_what_was_seen, "that is not what the step port-8080-disabled expects"),
        (hides_a_difference, "legacy to bar: 000/56 instead of 200 is not listed"),
        (forgets_what_was_seen, "'observation' is a required property"),
        (names_another_state, f"the policies of {PORT_8080} are manifests/current/strict-foo.yaml, "),
        (garbles_a_grid, "'fine' is an invalid outcome"),
        (makes_up_a_case, "there is no case current/made/up"),
        (hides_the_exit_code, "the exit code that follows from the cases is 1"),
        (calls_a_left_out_case_passed, "cases.0: "),
    ],
)
def test_a_report_that_contradicts_itself_or_the_suite_is_found_out(
    change: Callable[[dict[str, Any]], None], complaint: str | None, failing: Left, catalogue: Catalogue
) -> None:
    report = copy.deepcopy(failing.report)
    change(report)
    written = text.dump(report)
    found = checks.mistakes(CheckedYaml(written), catalogue)
    if complaint is None:
        assert found == []
        return
    mistake = next((mistake for mistake in found if complaint in mistake.text), None)
    assert mistake, found
    assert 0 < mistake.line <= written.count("\n") + 1


def test_a_report_of_the_first_version_of_the_format_is_checked_as_it_was(
    failing: Left, catalogue: Catalogue
) -> None:
    old = as_version_1(failing.report)
    assert checks.mistakes(CheckedYaml(text.dump(old)), catalogue) == []
    of_another_suite = copy.deepcopy(old)
    of_another_suite["suite"]["catalogue"] = "sha256:" + "0" * 64
    with pytest.raises(checks.AnotherSuite, match="in itself it is sound"):
        checks.mistakes(CheckedYaml(text.dump(of_another_suite)), catalogue)
    row_of(of_another_suite, PORT_8080)["grids"][0]["differences"] = []
    found = checks.mistakes(CheckedYaml(text.dump(of_another_suite)), catalogue)
    assert [mistake.text for mistake in found] == [
        f"{PORT_8080}: legacy to bar: 000/56 instead of 200 is not listed"
    ]


def test_a_report_that_was_cut_off_is_found_out(failing: Left, catalogue: Catalogue) -> None:
    whole = (failing.reports / "conformance-report.yaml").read_text()
    cut = CheckedYaml(whole[: whole.index("- id: current/require-a-valid-token")])
    assert [mistake.line for mistake in checks.mistakes(cut, catalogue)]


def test_a_mistake_is_told_with_its_line_and_each_kind_of_trouble_has_its_exit_code(
    failing: Left, tmp_path: Path
) -> None:
    good = (failing.reports / "conformance-report.yaml").read_text()
    line = good.splitlines().index("result: not-conformant") + 1
    lying, foreign = tmp_path / "lying.yaml", tmp_path / "foreign.yaml"
    lying.write_text(good.replace("result: not-conformant", "result: conformant", 1))
    foreign.write_text(re.sub(r"sha256:\w{8}", "sha256:00000000", good))
    told = verify(lying)
    assert told.returncode == 1
    assert f"{lying}:{line}: the result that follows from the cases is not-conformant\n" in told.stderr
    assert verify(foreign).returncode == 3
    missing = verify(tmp_path / "missing.yaml")
    assert (missing.returncode, missing.stdout) == (4, "")
    assert missing.stderr.count("\n") == 1


def test_the_evidence_alone_says_which_rule_was_broken(failing: Left) -> None:
    folder = failing.reports / failing.case(PORT_8080)["evidence"]
    page = (folder / "README.md").read_text()
    for words in (
        'does not do what the section "Enable mutual TLS per workload" of the document',
        "It refuses requests that must be let in.",
        "sleep.legacy to httpbin.bar must be `200` (let in) and was `000/56` (connection reset, curl exit",
        "port-8080-disable-bar.yaml`: Enable mutual TLS per workload: all ports except 8080",
        "  portLevelMtls:\n    '8080':\n      mode: DISABLE",
        "legacy  .    200 -> 000/56  .",
        "    kubectl exec -n legacy deploy/sleep -c sleep -- curl -s -m 5",
        "It was wrong every time.",
        "## Where the same is known to fail\n\n- 2 cases fail as in",
        "## What the proxy at httpbin.bar wrote last",
        "::test_reachability[port-8080-disabled]' --color=no --evidence summary --fault port-level-ignored",
    ):
        assert words in page
    assert "could not be collected" not in page


def test_the_evidence_holds_what_the_cluster_knew(failing: Left) -> None:
    folder = failing.reports / failing.case(PORT_8080)["evidence"]
    dump, _ = folder.glob("proxy-config/bar/httpbin-*.json")
    parts = {part["@type"].rpartition(".")[2] for part in json.loads(dump.read_text())["configs"]}
    assert {"ClustersConfigDump", "ListenersConfigDump"} <= parts
    in_cluster = list(yaml.safe_load_all((folder / "policies" / "in-the-cluster.yaml").read_text()))
    assert {policy["metadata"]["name"] for policy in in_cluster} == {"default", "httpbin"}
    pods = list(yaml.safe_load_all((folder / "pods" / "legacy.yaml").read_text()))
    assert {pod["metadata"]["labels"]["app"] for pod in pods} == {"httpbin", "sleep"}
    assert "Started container httpbin" in (folder / "events" / "foo.txt").read_text()
    logs = list(folder.glob("logs/bar/httpbin-*.istio-proxy.log"))
    assert len(logs) == 2
    assert any("filter_chain_not_found" in log.read_text() for log in logs)
    grid = failing.case(PORT_8080)["observation"]
    assert (folder / "rounds.txt").read_text().count("  wrong") == grid["rounds"]


def test_no_private_key_is_in_the_reports(failing: Left) -> None:
    files = [path for path in failing.reports.rglob("*") if path.is_file()]
    assert len(files) > 50
    assert not [path for path in files if b"PRIVATE KEY" in path.read_bytes()]


def test_junit_groups_cases_by_document_and_section_and_names_them_by_their_ids(failing: Left) -> None:
    """Read as CI systems read it."""
    read = JUnitXml.fromfile(str(failing.reports / "junit.xml"))
    (suite,) = read
    assert (read.name, suite.name) == ("mesh-authn-conformance", "mesh-authn-conformance current")
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (6, 2, 0, 0)
    said = {item.name: item.value for item in suite.properties()}
    assert (said["result"], said["current mesh"]) == ("not-conformant", "reference")
    cases = {case.name: case for case in suite}
    assert set(cases) == {row["id"] for row in failing.report["cases"] if row["result"] != "not-run"}
    case = cases[PORT_8080]
    assert case.classname == "current.Enable mutual TLS per workload"
    (failure,) = case.result
    assert (type(failure), failure.type) == (Failure, "not-conformant")
    assert failure.message == DIFFERS
    assert failure.text.startswith(f"{DIFFERS}\nport-8080-disabled: the grid did not settle within 1 s")
    told = {item.name: item.value for item in case.child(Properties)}
    assert (told["case"], told["result"]) == (PORT_8080, "failed")


def test_allure_has_titles_and_links_and_steps_with_their_policies_and_grids(failing: Left) -> None:
    """Read into the model of Allure's own library, which takes no field that it does not know."""
    folder = failing.reports / "allure-results"
    found = [model2.TestResult(**json.loads(path.read_text())) for path in folder.glob("*-result.json")]
    assert len(found) == 6
    (case,) = [one for one in found if one.fullName == PORT_8080]
    assert (case.name, case.status) == ("reachability: port-8080-disabled", "failed")
    assert case.description == (
        "The document says: the following peer authentication policy requires mutual TLS on all ports, "
        "except port 8080"
    )
    assert case.statusDetails["message"] == DIFFERS
    assert [parameter["value"] for parameter in case.parameters] == ["port-8080-disabled"]
    assert [link["url"].partition("#")[2] for link in case.links] == ["enable-mutual-tls-per-workload"]
    labels = {label["name"]: label["value"] for label in case.labels if label["name"] != "tag"}
    assert (labels["parentSuite"], labels["suite"]) == ("current", "Enable mutual TLS per workload")
    assert (labels["epic"], labels["story"], labels["case"]) == ("current", "reachability", PORT_8080)
    (step,) = case.steps
    assert (step["name"], step["status"]) == ("port-8080-disabled does not settle", "failed")
    attached = {attachment["name"]: attachment["source"] for attachment in step["attachments"]}
    assert "legacy  000/56  000/56  200" in (folder / attached["observed"]).read_text()
    assert "manifests/current/port-8080-disable-bar.yaml" in attached
    assert "README.md" in {attachment["name"] for attachment in case.attachments}
    assert "current.result=not-conformant" in (folder / "environment.properties").read_text()


def test_github_is_told_of_each_failure_and_of_the_whole(failing: Left) -> None:
    errors = re.findall(r"^::error (.*?)::(.*)$", failing.run.stdout, flags=re.MULTILINE)
    assert [properties.partition("title=")[2] for properties, _ in errors] == [
        f"failed%3A {case}" for case in (PORT_8080, PRECEDENCE)
    ]
    properties, message = errors[0]
    assert properties.startswith("file=suites/current/test_4_namespace_or_workload.py,line=")
    assert message.startswith(f"{DIFFERS}%0A")
    last_word = r"not-conformant: 2 of 6 cases failed, \d+ not run"
    assert re.search(f"## Mesh authentication conformance: {last_word}\n", failing.job_summary)
    assert re.search(f"\nconclusion      {last_word}\n", failing.run.stdout)
    assert "| current | reference | **not-conformant** | 4 | 2 |" in failing.job_summary
    assert re.search(r"\n\nDiagnosis: \d cases? fails? as in .*port-level-ignored", failing.job_summary)
    assert (failing.reports.parent / "output").read_text() == "result=not-conformant\n"


SEEN = """(() => {
  document.querySelectorAll('#failures details').forEach(each => { each.open = true })
  const box = selector => document.querySelector(selector)?.getBoundingClientRect()
  const wrong = [...document.querySelectorAll('#failures td.wrong')]
  return {
    title: document.title,
    verdict: document.querySelector('.verdict').innerText,
    failures: [...document.querySelectorAll('#failures article h3')].map(each => each.innerText),
    wrong: wrong.map(cell => cell.innerText.trim().split(/\\s*\\n\\s*/)),
    outlined: wrong.every(cell => getComputedStyle(cell).outlineStyle === 'solid' && cell.offsetWidth > 20),
    failuresFirst: box('#failures').top < box('#left-out').top && box('#left-out').top < box('#cases').top,
    bars: document.querySelectorAll('#settle-times rect').length,
    cases: [...document.querySelectorAll('#cases article')].filter(each => each.offsetHeight > 10).length,
    paper: getComputedStyle(document.body).backgroundColor,
    fits: document.documentElement.scrollWidth <= innerWidth,
    fetched: performance.getEntriesByType('resource').length,
  }
})()"""


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here to look at the page with")
def test_a_browser_shows_the_failures_first_at_any_width_and_in_the_dark(
    failing: Left, tmp_path: Path
) -> None:
    page = failing.reports / "conformance-report.html"
    desk = look(page, SEEN, tmp_path, 1200)
    assert desk["title"] == "Not-conformant: mesh authentication conformance"
    assert desk["verdict"] == "not-conformant"
    assert desk["failures"] == [PORT_8080, PRECEDENCE]
    assert desk["wrong"] == [["000/56", "not 200"], ["000/56", "not 200"]]
    assert desk["bars"] == 4
    assert desk["cases"] == len(failing.report["cases"])
    phone = look(page, SEEN, tmp_path, 500, "--blink-settings=preferredColorScheme=0")
    for seen in (desk, phone):
        assert seen["outlined"]
        assert seen["failuresFirst"]
        assert seen["fits"]
        assert seen["fetched"] == 0
    assert desk["paper"] != phone["paper"]


def test_a_run_that_comes_out_as_listed_is_not_called_conformant(tmp_path: Path) -> None:
    listed = tmp_path / "expected.yaml"
    listed.write_text(
        f"failures:\n- {{id: {PORT_8080}, reason: known, message: 'httpbin.bar: 000/56 instead of 200'}}\n"
    )
    options = [
        "--suite",
        "current",
        "--fault",
        "port-level-ignored",
        "--bound",
        "1",
        "--expected-failures",
        str(listed),
    ]
    run = run_suites(*options, "-k", "reachability and port-80", "-n", "2", reports=tmp_path / "reports")
    assert run.returncode == 0, run.stdout
    conclusion = r"not-conformant, as expected: 1 of 2 cases failed, each as listed, \d+ not run"
    assert re.search(f"^conclusion +{conclusion}$", run.stdout, re.MULTILINE)
    assert "1 passed, 1 xfailed" in run.stdout
    left = Left(run, tmp_path / "reports", "")
    assert left.report["result"] == "not-conformant"
    assert left.report["expectedFailures"]["surprises"] == []
    assert left.case(PORT_8080)["expectedFailure"] == "known"
    page = (left.reports / left.case(PORT_8080)["evidence"] / "README.md").read_text()
    assert "- `logs, events, pods and configuration`: left out by --evidence summary" in page
