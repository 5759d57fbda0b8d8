"""However a run ends, what it has seen is in its report, and what it made for itself is gone."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from fixtures.files.checked_yaml import CheckedYaml
from fixtures.report import checks
from fixtures.report.catalogue import Catalogue
from tests.e2e.suite.small_suite import IDS, Run, SmallSuite

ENDS_WITHIN_S = 60
SEEN_WITHIN_S = 60


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallSuite]:
    with SmallSuite.made(tmp_path_factory.mktemp("small")) as suite:
        yield suite


@pytest.fixture(scope="module")
def catalogue(small: SmallSuite) -> Catalogue:
    return small.catalogue()


@pytest.fixture(autouse=True)
def anew(small: SmallSuite) -> None:
    """What an earlier run has left says nothing of this one."""
    shutil.rmtree(small.reports, ignore_errors=True)


def results(small: SmallSuite) -> dict[str, str]:
    """What the report says of each case now, as somebody else reads it."""
    return {row["id"]: row["result"] for row in small.report()["cases"]}


def under_way(small: SmallSuite, run: Run, *seen: str) -> None:
    """Wait until these cases are known to have passed, while another one takes its time."""
    deadline = time.monotonic() + SEEN_WITHIN_S
    while time.monotonic() < deadline and run.returncode is None:
        with contextlib.suppress(FileNotFoundError):
            found = results(small)
            if all(found[IDS[name]] == "passed" for name in seen):
                return
        time.sleep(0.02)
    raise AssertionError(f"{seen} did not pass: {run.stdout}{run.stderr}")


def send(*signals: signal.Signals) -> Callable[[Run], None]:
    """As `kill` does, or a pipeline that waits no longer after a while."""

    def ends(run: Run) -> None:
        for number in signals:
            run.forked.send_signal(number)
            time.sleep(0.05)

    return ends


def send_all(number: signal.Signals) -> Callable[[Run], None]:
    """As a terminal does, or a runner that ends the processes of a job: to the whole process group."""
    return lambda run: os.killpg(run.forked.pid, number)


def sound(small: SmallSuite, catalogue: Catalogue) -> None:
    checked = CheckedYaml((small.reports / "conformance-report.yaml").read_text())
    assert checks.mistakes(checked, catalogue) == []


ALONE = [
    ("SIGINT", send(signal.SIGINT)),
    ("SIGTERM", send(signal.SIGTERM)),
    ("SIGHUP", send(signal.SIGHUP)),
    ("SIGTERM twice", send(signal.SIGTERM, signal.SIGTERM)),
    ("SIGINT and SIGTERM", send(signal.SIGINT, signal.SIGTERM)),
]
GROUP = [
    (f"{number.name} to all", send_all(number)) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
]
WORKERS = ["-n", "2", "--suite", "current"]


@pytest.mark.parametrize(
    ("options", "end"),
    [
        *(pytest.param([], end, id=name) for name, end in (*ALONE, *GROUP)),
        *(pytest.param(WORKERS, end, id=f"workers, {name}") for name, end in (ALONE[1], GROUP[0], GROUP[2])),
    ],
)
def test_every_signal_ends_a_run_as_ctrl_c_does(
    options: list[str], end: Callable[[Run], None], small: SmallSuite, catalogue: Catalogue
) -> None:
    # One of them also has a real lab to end.
    lab = {"WITH_LAB": "1"} if options and end is ALONE[1][1] else {}
    run = small.begin("suites", *options, SLOW="three", **lab)
    under_way(small, run, "one", "two")
    end(run)
    code = run.forked.wait(ENDS_WITHIN_S)
    assert code == 2, run.stdout
    assert "!! interrupted !!" in run.stdout
    assert "full-trace" not in run.stdout
    report = small.report()
    assert (report["result"], report["run"]["state"]) == ("incomplete", "interrupted")
    assert report["run"]["exitCode"] == 2
    rows = {row["id"]: row for row in report["cases"]}
    assert [rows[IDS[name]]["result"] for name in IDS] == ["passed", "passed", *["not-run"] * 3]
    sound(small, catalogue)
    cases = ET.parse(small.reports / "junit.xml").getroot().iter("testcase")
    assert sorted(str(case.get("name")) for case in cases) == [IDS["two"], IDS["one"]]
    assert "incomplete" in (small.reports / "conformance-report.html").read_text()
    assert list(small.reports.glob(".run-*")) == []


UNTIMELY = """
import os, pytest, signal

@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logreport(report):
    if report.when == "teardown" and "two" in report.nodeid:
        os.kill(os.getpid(), signal.SIGTERM)
"""


def test_a_signal_that_comes_while_a_result_is_told_leaves_no_report_without_it(small: SmallSuite) -> None:
    (small.folder / "untimely.py").write_text(UNTIMELY)
    assert small.run("suites", "-p", "untimely").returncode == 2
    assert list(results(small).values()) == ["passed", "passed", *["not-run"] * 3]
    cases = ET.parse(small.reports / "junit.xml").getroot().iter("testcase")
    assert [case.get("name") for case in cases] == [IDS["one"], IDS["two"]]


@pytest.mark.parametrize("options", [[], WORKERS], ids=["alone", "workers"])
def test_a_run_that_is_killed_has_reported_what_it_had_seen(
    options: list[str], small: SmallSuite, catalogue: Catalogue
) -> None:
    run = small.begin("suites", *options, FAILS="two", SLOW="three")
    under_way(small, run, "one")
    deadline = time.monotonic() + SEEN_WITHIN_S
    while results(small)[IDS["two"]] != "failed" and time.monotonic() < deadline:
        time.sleep(0.02)
    run.forked.send_signal(signal.SIGKILL)
    assert run.forked.wait(ENDS_WITHIN_S) == -signal.SIGKILL
    report = small.report()
    assert (report["result"], report["run"]["state"]) == ("not-conformant", "running")
    assert "exitCode" not in report["run"]
    assert list(results(small).values()) == ["passed", "failed", *["not-run"] * 3]
    sound(small, catalogue)
    (failed,) = [row for row in report["cases"] if row["result"] == "failed"]
    assert (small.reports / failed["evidence"] / "README.md").exists()

    assert len(list(small.reports.glob(".run-*"))) == 1
    assert small.run("suites", "-k", "one").returncode == 0
    assert list(small.reports.glob(".run-*")) == []


def test_a_terminal_that_is_closed_ends_a_run_in_order(small: SmallSuite) -> None:
    run, terminal = small.on_a_terminal("suites", SLOW="three")
    under_way(small, Run(run, Path(os.devnull), Path(os.devnull)), "one", "two")
    os.close(terminal)
    assert run.wait(ENDS_WITHIN_S) == 2
    assert small.report()["run"]["state"] == "interrupted"
    assert (small.reports / "junit.xml").exists()
    assert list(small.reports.glob(".run-*")) == []


def test_the_report_is_written_as_the_run_goes_and_as_in_the_end(small: SmallSuite) -> None:
    run = small.begin("suites", FAILS="two", SLOW="four")
    under_way(small, run, "one", "three")
    report = small.report()
    text = (small.reports / "conformance-report.yaml").read_text()
    run.forked.send_signal(signal.SIGTERM)
    run.forked.wait(ENDS_WITHIN_S)
    after = (small.reports / "conformance-report.yaml").read_text()
    assert list(yaml.safe_load(after)) == list(report)
    # The rows of the cases that had ended stand there in the same words.
    begin, end = text.index("- id: current/setup/one"), text.index("- id: current/others/four")
    run_folder = f".run-{report['run']['id']}/"
    assert text[begin:end].replace(run_folder, "") in after


def test_pytests_own_options_for_the_files_of_a_report_neither_lose_nor_add_one(small: SmallSuite) -> None:
    places = ["--junitxml", "reports/junit.xml", "--alluredir", "reports/allure-results"]
    for _ in range(2):
        assert small.run("suites", "-k", "one", *places).returncode == 0
        assert len(ET.parse(small.reports / "junit.xml").findall("*/testcase")) == 1
        assert len(list(small.reports.glob("allure-results/*-result.json"))) == 1
    for _ in range(2):
        assert small.run("suites", "-k", "nothing").returncode == 5
    refused = small.run("suites", "--junitxml", "reports/mine.xml")
    assert refused.returncode == 4
    complaint = "--junitxml: reports/mine.xml is in the folder of the reports, which has a junit.xml"
    assert refused.stderr.strip() == f"ERROR: {complaint} of its own: leave it out"


def test_two_runs_at_once_do_not_mix_what_they_have_seen(small: SmallSuite) -> None:
    first = small.begin("suites", SLOW="three")
    under_way(small, first, "one", "two")
    first_id = small.report()["run"]["id"]
    second = small.run("suites", "-k", "one")
    assert second.returncode == 0
    assert small.report()["run"]["id"] != first_id
    first.forked.send_signal(signal.SIGTERM)
    first.forked.wait(ENDS_WITHIN_S)
    assert small.report()["run"]["id"] == first_id
    assert first_id in Path(small.reports / "conformance-report.html").read_text()


@pytest.mark.parametrize("how", ["BREAKS", "CRASHES"])
def test_nobody_learns_a_token_from_an_error(how: str, small: SmallSuite) -> None:
    complaint = f"it did not take Authorization: Bearer {'secret' * 5}"
    places = ["--alluredir", "allure-results"]
    run = small.run("suites", *places, **{how: "two", "COMPLAINT": complaint})
    assert run.returncode == 3, run.stdout
    said = "it did not take Authorization: Bearer <redacted>"
    assert said in run.stdout
    assert said in (small.reports / "junit.xml").read_text().replace("&lt;", "<").replace("&gt;", ">")
    kept = [path for folder in (small.reports, small.folder / "allure-results") for path in folder.rglob("*")]
    texts = [path.read_text(errors="replace") for path in kept if path.is_file()]
    assert texts
    assert not [text for text in (run.stdout, run.stderr, *texts) if "secret" * 5 in text]
