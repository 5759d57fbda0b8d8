"""The suite fails rightly: each deliberately wrong mesh is caught at the right case, and rightly named.

Here is a sample, another one after each change of suites or faults; `make faults` runs all of them.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.suite.fault_sample import kinds, sample, turn
from tools.children import children
from tools.fault_expectations import Expectation, load
from tools.fault_judgement import Judgement, Result, judge
from tools.fault_runs import describe, run_all

JOBS = 2
BOUND_S = 2.0
"""More than `make faults` gives them: other tests run beside these."""

OUTSIDE = f"{Path(__file__).with_name('outside_fault.py')}:no_port_levels"

# Of two faults, what is caught and nothing else.
EXACTLY = {
    OUTSIDE: [
        "current/namespace-or-workload/reachability/port-8080-disabled",
        "current/namespace-or-workload/reachability/policy-precedence",
        "current/namespace-or-workload/reachability/unbound-beside-port-disabled",
    ],
    "skew-zero": [
        f"current/end-user-authentication/answers/{api}-{step}"
        for step in ("clock-skew", "ten-samples")
        for api in ("istio", "gateway-api")
    ],
}

SAMPLE = [name for name in sample(turn()) if name not in EXACTLY]


@pytest.fixture(scope="module")
def judgements() -> dict[str, Judgement]:
    """What became of each fault of the sample, by its name."""
    expected = load(bound_s=BOUND_S)
    chosen = [
        (fault, expected.get(fault.name, Expectation(bound_s=BOUND_S)))
        for fault in describe([*EXACTLY, *SAMPLE])
    ]
    with children() as ours:
        runs = run_all(chosen, JOBS, lambda _run: None, ours)
    return {run.fault.name: judge(run) for run in runs}


@pytest.mark.parametrize("fault", EXACTLY, ids=["outside", "skew-zero"])
def test_nothing_is_caught_but_what_is_wrong(fault: str, judgements: dict[str, Judgement]) -> None:
    found = judgements[fault]
    assert found.result is Result.KILLED, found.why
    assert [case.name for case in found.run.findings] == EXACTLY[fault]
    assert "\nconclusion      not-conformant: " in found.run.output


@pytest.mark.parametrize("fault", SAMPLE)
def test_a_fault_is_caught_as_it_must_be(fault: str, judgements: dict[str, Judgement]) -> None:
    found = judgements[fault]
    assert found.result.right, f"{found.result.words}: {found.why}\n{found.run.output}"


def test_every_fault_has_its_turn() -> None:
    names = [name for members in kinds().values() for name in members]
    assert {name for turn in range(len(names)) for name in sample(turn)} == set(names)
