"""Whether a fault was caught as it must be."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from fnmatch import fnmatchcase

from tools.fault_runs import Case, Run

NOT_CONFORMANT, COULD_NOT_TELL = 1, 3
"""Exit codes of the suites."""


class Result(Enum):
    """What became of a fault; `right` of those that are as they have to be."""

    KILLED = ("killed", True)
    UNTOLD = ("could not tell", True)
    EQUIVALENT = ("equivalent", True)
    SURVIVED = ("survived", False)
    WRONG_CASE = ("caught by the wrong case", False)
    UNNAMED = ("the failure does not name it", False)
    NOTICED = ("caught, although it should not show", False)
    BLAMED = ("the mesh was blamed", False)
    BROKEN = ("the run broke", False)

    def __init__(self, words: str, right: bool) -> None:
        self.words = words
        self.right = right


@dataclass(frozen=True)
class Judgement:
    """A run, what is to be thought of it, and why if it is not right."""

    run: Run
    result: Result
    why: str = ""


def judge(run: Run) -> Judgement:
    """Holds what a run came to against what was expected."""
    expected = run.expectation
    if expected.untold:
        return _judge_untold(run)
    if run.exit_code not in (0, NOT_CONFORMANT):
        return Judgement(run, Result.BROKEN, f"exit code {run.exit_code}: {_last_words(run.output)}")
    if not run.findings:
        return Judgement(run, Result.EQUIVALENT if expected.survives else Result.SURVIVED)
    if expected.requirements:
        missing = [each for each in expected.requirements if not caught_by(run, each)]
        why = f"no case of {', '.join(missing)} failed"
        return Judgement(run, Result.WRONG_CASE, why) if missing else Judgement(run, Result.KILLED)
    first = run.findings[0]
    if expected.survives:
        return Judgement(run, Result.NOTICED, first.name)
    if expected.caught and not fnmatchcase(first.name, expected.caught):
        return Judgement(run, Result.WRONG_CASE, f"{first.name} failed first")
    missing = [words for words in expected.says if words not in first.text]
    if missing:
        return Judgement(run, Result.UNNAMED, f"it does not say: {missing[0]}")
    # JUnit, annotations and pytest's summary show no more of a finding than this. Where several cells differ
    # it is of the first.
    headline = first.text.partition("\n")[0]
    if expected.says and expected.says[0] not in headline and " instead of " not in headline:
        return Judgement(run, Result.UNNAMED, f"its first line is: {headline}")
    return Judgement(run, Result.KILLED)


def caught_by(run: Run, requirement: str) -> list[Case]:
    """The cases of a requirement that say that the mesh is wrong."""
    return [case for case in run.findings if case.requirement == requirement]


def _judge_untold(run: Run) -> Judgement:
    if run.findings or run.exit_code == NOT_CONFORMANT:
        blamed = run.findings[0].name if run.findings else "exit code 1"
        return Judgement(run, Result.BLAMED, blamed)
    if run.exit_code == 0:
        return Judgement(run, Result.SURVIVED)
    if run.exit_code != COULD_NOT_TELL or run.expectation.untold not in run.output:
        return Judgement(run, Result.BROKEN, f"exit code {run.exit_code}: {_last_words(run.output)}")
    return Judgement(run, Result.UNTOLD)


def _last_words(output: str) -> str:
    lines = [line for line in output.splitlines() if line.strip(" =!")]
    return next((line for line in reversed(lines) if "could not tell" in line), lines[-1] if lines else "")
