"""The kill table: what a run against a wrong mesh is held against, and what is made of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lab.faults import known
from tests.programs import ran
from tools import fault_table
from tools.fault_expectations import Expectation, load
from tools.fault_judgement import Result, judge
from tools.fault_runs import Case, Fault, Run
from tools.faults import TABLE, main

ROOT = Path(__file__).resolve().parents[2]

FAULT = Fault("wrong", "current", "Setup", "It is wrong.", ("current",))
REACHABILITY = "current/setup/reachability"
FINDING = Case(REACHABILITY, True, "sleep.foo to httpbin.foo: 503 instead of 200")
LATE = Case(REACHABILITY, True, "the grid did not settle\nsleep.foo to httpbin.foo: 503 instead of 200")
BROKEN = Case(REACHABILITY, False, "the shell has ended")


def run(exit_code: int, *bad: Case, output: str = "", **expected: object) -> Run:
    return Run(FAULT, Expectation(**expected), exit_code, 60, bad, output, 7.5, Path())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("seen", "result"),
    [
        (run(1, FINDING, caught=REACHABILITY, says=("503 instead of 200",)), Result.KILLED),
        (run(1, FINDING), Result.KILLED),
        (run(1, FINDING, caught="current/setup/other"), Result.WRONG_CASE),
        (run(1, FINDING, caught=REACHABILITY, says=("401 instead of 200",)), Result.UNNAMED),
        (run(1, LATE, caught=REACHABILITY, says=("503 instead of 200",)), Result.UNNAMED),
        (run(1, LATE, caught=REACHABILITY, says=("did not settle", "503 instead of 200")), Result.KILLED),
        (run(1, BROKEN, replace(FINDING, name="x"), caught=REACHABILITY), Result.WRONG_CASE),
        (run(0, caught=REACHABILITY), Result.SURVIVED),
        (run(3, BROKEN, caught=REACHABILITY), Result.BROKEN),
        (run(2, caught=REACHABILITY), Result.BROKEN),
        (run(0, survives="nothing is promised"), Result.EQUIVALENT),
        (run(1, FINDING, survives="nothing is promised"), Result.NOTICED),
        (run(3, survives="nothing is promised"), Result.BROKEN),
        (run(3, BROKEN, untold="has ended", output="... the shell has ended"), Result.UNTOLD),
        (run(3, BROKEN, untold="has ended", output="something else"), Result.BROKEN),
        (run(1, FINDING, untold="has ended", output="has ended"), Result.BLAMED),
        (run(1, BROKEN, untold="has ended", output="has ended"), Result.BLAMED),
        (run(0, untold="has ended"), Result.SURVIVED),
    ],
)
def test_a_run_is_held_against_what_was_expected(seen: Run, result: Result) -> None:
    assert judge(seen).result is result


def test_only_what_is_as_it_must_be_is_right() -> None:
    assert {result for result in Result if result.right} == {
        Result.KILLED,
        Result.UNTOLD,
        Result.EQUIVALENT,
    }


def test_each_fault_has_its_expectation_and_no_other() -> None:
    expectations = load()
    assert set(expectations) == {fault.name for fault in known()}
    for name, expected in expectations.items():
        assert sum(map(bool, (expected.caught, expected.survives, expected.untold))) == 1, name
        assert bool(expected.says) == bool(expected.caught), name


def test_the_table_says_who_caught_what() -> None:
    steps = [replace(FINDING, name=f"current/end-user/answers/{api}-jwt") for api in ("istio", "gateway-api")]
    forged = Case("current/auto/forged-header-is-removed/foo", True, "a | b")
    steps[0] = replace(steps[0], text="token none | 401")
    killed = run(1, *steps, forged, caught=steps[0].name, says=("none | 401",))
    page = fault_table.document(list(map(judge, (killed, run(0, survives="Nobody sees it.")))))
    assert "2 faults: 1 killed, 1 equivalent." in page
    assert "## Setup (current)" in page
    assert (
        "| `wrong` | It is wrong. | jwt | `none \\| 401` | 3 of 60: jwt ×2, forged header is removed |"
        in page
    )
    assert "| `wrong` | It is wrong. | equivalent: Nobody sees it. |" in page
    assert "Unexpected results" not in page


def test_the_table_begins_with_what_is_not_as_it_must_be() -> None:
    page = fault_table.document([judge(run(0, caught=REACHABILITY))])
    assert "1 fault: 1 survived." in page
    assert "- `wrong`: survived" in page


def test_the_published_table_has_every_fault_and_nothing_is_wrong_in_it() -> None:
    page = TABLE.read_text()
    assert "Unexpected results" not in page
    listed = [line.split("`")[1] for line in page.splitlines() if line.startswith("| `")]
    assert sorted(listed) == sorted(fault.name for fault in known())


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["nonsense"], 'faults: unknown fault "nonsense"; `python -m lab faults` lists them\n'),
        (["nosuch.py:x"], "faults: fault nosuch.py:x: there is no file nosuch.py\n"),
    ],
)
def test_an_unknown_fault_is_wrong_usage(arguments: list[str], complaint: str) -> None:
    done = ran(main, *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", complaint)
