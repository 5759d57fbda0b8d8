"""The suites fail rightly: each deliberately wrong mesh is caught by the case that must catch it.

`make faults` proves all of them. Here it is a sample that moves on from day to day.
"""

from __future__ import annotations

import datetime
import subprocess
import sys

import pytest

from tests.suite.runs import ROOT
from tools import fault_expectations

SAMPLE = 3


def sample_of(day: int) -> list[str]:
    """Neighbours in the alphabet; what takes the whole of the profile's bound is left to `make faults`."""
    usual = fault_expectations.BOUND_S
    names = sorted(name for name, each in fault_expectations.load().items() if each.bound_s == usual)
    return [names[(day * SAMPLE + number) % len(names)] for number in range(SAMPLE)]


@pytest.fixture(scope="module")
def today() -> list[str]:
    return sample_of(datetime.datetime.now(datetime.UTC).date().toordinal())


def test_each_wrong_mesh_of_today_is_caught_by_the_right_case(today: list[str]) -> None:
    command = [sys.executable, "-m", "tools.faults", *today]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, f"{run.stdout}{run.stderr}"
    assert all(name in run.stdout for name in today)


def test_a_name_that_is_no_fault_is_refused() -> None:
    command = [sys.executable, "-m", "tools.faults", "nosuch"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 2
    assert run.stderr.startswith("faults: ")
    assert len(run.stderr.splitlines()) == 1
