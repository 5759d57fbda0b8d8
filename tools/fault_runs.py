"""Runs of the suites against wrong meshes, each with a lab of its own, several at a time."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from tools.children import Children
from tools.fault_expectations import Expectation

ROOT = Path(__file__).resolve().parent.parent

ROUNDS = 1
"""Right rounds in a row that are enough. One makes the suite only more forgiving than the three it asks for
otherwise: what fails with one fails with three."""


class BadFault(ValueError):
    """A fault that no lab knows was asked for; the message is one line."""


@dataclass(frozen=True)
class Fault:
    """A fault as the lab describes it."""

    name: str
    document: str
    section: str
    sentence: str
    meshes: tuple[str, ...]


@dataclass(frozen=True)
class Case:
    """A case that failed. `verdict` is `not conformant`, or that nothing could be told; `text` says all."""

    name: str
    verdict: str
    text: str


@dataclass(frozen=True)
class Run:
    """What a run of the suite came to."""

    fault: Fault
    expectation: Expectation
    exit_code: int
    cases: int
    failed: tuple[Case, ...]
    output: str
    seconds: float

    @property
    def findings(self) -> list[Case]:
        """The cases that say that the mesh is wrong."""
        return [case for case in self.failed if case.verdict == "not conformant"]


def describe(names: Sequence[str]) -> list[Fault]:
    """These faults, or all there are. Raises BadFault."""
    command = [sys.executable, "-m", "lab", "faults", "--output", "json", *names]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        raise BadFault(listed.stderr.strip().removeprefix("lab: "))
    return [Fault(**fields) for fields in json.loads(listed.stdout)]


def run_all(
    chosen: Iterable[tuple[Fault, Expectation]], jobs: int, done: Callable[[Run], None], ours: Children
) -> list[Run]:
    """Runs the suite against each fault, so many at a time; `done` is told of each in the order of ending."""
    # Those that wait for a bound are begun first, so that nobody waits for them at the end.
    ordered = sorted(chosen, key=lambda pair: (not pair[1].untold, -pair[1].bound_s))
    with ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(run, fault, expectation, ours) for fault, expectation in ordered]
        finished = []
        try:
            for future in as_completed(futures):
                finished.append(future.result())
                done(finished[-1])
        except BaseException:
            ours.end()
            pool.shutdown(cancel_futures=True)
            raise
    return finished


def run(fault: Fault, expectation: Expectation, ours: Children) -> Run:
    """Runs the quick profile of the fault's document against a lab with this fault."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="fault-") as scratch:
        record = Path(scratch) / "cases.jsonl"
        done = ours.run(
            [
                *(sys.executable, "-m", "pytest", "suites", "--color=no", "-p", "no:cacheprovider"),
                *("--suite", fault.document, "--profile", "quick", "--fault", fault.name),
                *("--bound", f"{expectation.bound_s:g}", "--rounds", str(ROUNDS)),
                *("-p", "tools.recorder", "--record", str(record)),
                *(["--maxfail=1"] if expectation.only_first else []),
            ],
            cwd=ROOT,
        )
        lines = record.read_text().splitlines() if record.exists() else []
    cases = [json.loads(line) for line in lines]
    failed = tuple(
        Case(case["case"], case["verdict"], case["text"]) for case in cases if case["outcome"] == "failed"
    )
    output = done.stdout + done.stderr
    return Run(fault, expectation, done.returncode, len(cases), failed, output, time.monotonic() - start)
