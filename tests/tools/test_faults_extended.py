"""Faults of the extended suite: killed only by a case of the requirement that names them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lab.faults import beyond, known
from tests.programs import ran
from tools import fault_record, fault_runs, fault_table_extended
from tools.fault_expectations import Expectation
from tools.fault_judgement import Result, judge
from tools.fault_record import Kill
from tools.fault_requirements import Requirement, expected, updated
from tools.fault_runs import Case, Fault, Run
from tools.faults import main
from tools.lab_program import BadFault

ROOT = Path(__file__).resolve().parents[2]

FAULT = Fault("wrong", "extended", "Tokens", "It is wrong.", ("current",))
OF_R = Case("extended/tokens/answers/r", True, "token none, /ip: 200 instead of 401\nmore", "r")
OF_S = replace(OF_R, name="extended/tokens/answers/s", requirement="s")
R = Requirement("r", "Tokens", "It is right.", "must", "https://e.org", ("wrong",), (OF_R.name, "extended/x"))
S = replace(R, id="s", cases=(OF_S.name,))


def run(exit_code: int, *bad: Case, requirements: tuple[str, ...] = ("r",)) -> Run:
    return Run(FAULT, Expectation(requirements=requirements), exit_code, 3, bad, "", 7.5, Path())


@pytest.mark.parametrize(
    ("seen", "result", "why"),
    [
        (run(1, OF_R), Result.KILLED, ""),
        (run(1, OF_S, OF_R), Result.KILLED, ""),
        (run(1, OF_S), Result.WRONG_CASE, "no case of r failed"),
        (run(1, OF_R, requirements=("r", "s")), Result.WRONG_CASE, "no case of s failed"),
        (run(1, OF_R, OF_S, requirements=("r", "s")), Result.KILLED, ""),
        (run(1, OF_S, replace(OF_R, failed=False)), Result.WRONG_CASE, "no case of r failed"),
        (run(0), Result.SURVIVED, ""),
    ],
)
def test_a_fault_is_killed_where_a_case_of_the_requirement_fails(seen: Run, result: Result, why: str) -> None:
    judgement = judge(seen)
    assert (judgement.result, judgement.why) == (result, why)


def test_what_was_noticed_goes_on_record() -> None:
    before = {"r": [Kill("gone", ("x",), "x")], "none-such": [Kill("wrong", ("x",), "x")]}
    record = updated(before, [judge(run(1, OF_R))], [R, S])
    assert record == {"r": [Kill("wrong", (OF_R.name,), "token none, /ip: 200 instead of 401")]}


def test_what_is_not_run_again_stays_on_record_and_what_is_not_noticed_any_more_does_not() -> None:
    before = {"r": [Kill("wrong", (OF_R.name,), "so")]}
    assert updated(before, [], [R]) == before
    assert updated(before, [judge(run(0))], [R]) == {}


def test_the_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    record = {"r": [Kill("wrong", (OF_R.name,), "token none: 200 instead of 401 | 'x'")]}
    file = tmp_path / "killed.yaml"
    assert fault_record.load(file) == {}
    file.write_text(fault_record.dump(record))
    assert fault_record.load(file) == record


def test_the_table_says_which_requirements_cases_have_noticed_what() -> None:
    record = {"r": [Kill("wrong", (OF_R.name,), "a | b")]}
    page = fault_table_extended.document([R, S], record, {"wrong": "It is wrong."})
    assert "1 fault of 2 requirements: 1 of 2 killed." in page
    assert "| `r` | `wrong` | It is wrong. | `a \\| b` | 1 of 2: `answers/r` |" in page
    assert "| `s` | `wrong` | It is wrong. | no case of it fails |  |" in page


def test_a_fault_is_run_against_all_requirements_that_name_it() -> None:
    name = beyond()[0].name
    ((fault, expectation),) = expected([replace(R, faults=(name,)), replace(S, faults=(name,))], [])
    assert (fault.name, expectation.requirements) == (name, ("r", "s"))


def test_a_run_is_of_the_requirements_of_a_fault_or_to_the_end_of_all_cases() -> None:
    expectation = Expectation(requirements=("r", "s"))
    some, every = (fault_runs.chosen(FAULT, expectation, to_the_end) for to_the_end in (False, True))
    assert some == [*every, "--requirement", "r", "--requirement", "s"]
    assert every == ["--suite", "extended", "--mode", "full"]


def test_faults_of_the_documents_alone_are_for_no_requirement() -> None:
    with pytest.raises(BadFault, match=f"no requirement names the fault {known()[0].name}"):
        expected([R], [known()[0].name])


def test_wrong_meshes_made_of_an_installed_one_are_for_the_documents() -> None:
    done = ran(main, "--suite", "extended", "--mesh", "istio")
    complaint = "faults: --mesh istio is for --suite all: no requirement names wrong meshes made of it\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", complaint)
