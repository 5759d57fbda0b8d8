"""Measures the lab and the suite on this machine: ``make bench``.

Everything is started as its user would start it, from the second time on: Python has compiled the sources.
It is timed from outside. Nothing here asserts anything.
"""

from __future__ import annotations

import argparse
import compileall
import contextlib
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.lab_program import kubeconfig_in

ROOT = Path(__file__).resolve().parent.parent
LAB_STARTS = 5
SUITE_RUNS = 3
PACKAGES = ("fixtures", "lab", "suites", "tools")
PROVEN = "proven after seconds"


@dataclass(frozen=True)
class Figure:
    """One line of the result: what was measured, in which unit, each sample."""

    name: str
    unit: str
    samples: Sequence[float]

    def __str__(self) -> str:
        low, middle, high = min(self.samples), statistics.median(self.samples), max(self.samples)
        return f"{self.name:<44}{middle:>9.0f} {self.unit}   ({low:.0f} to {high:.0f}, n={len(self.samples)})"


@contextlib.contextmanager
def lab() -> Iterator[tuple[subprocess.Popen[str], Path, float]]:
    """A lab in the foreground; gives its process, its kubeconfig and the seconds until it was ready."""
    start = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "lab", "up", "--foreground", "--name", f"bench-{int(time.time() * 1000)}"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout
        kubeconfig = kubeconfig_in(process.stdout.readline())
        seconds = time.monotonic() - start
        if not kubeconfig:
            raise SystemExit("the lab did not start")
        yield process, kubeconfig, seconds
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)
        if process.stdout:
            process.stdout.close()


def lab_starts() -> Figure:
    """Cold starts, one after the other."""
    samples = []
    for _ in range(LAB_STARTS):
        with lab() as (_, _, seconds):
            samples.append(seconds * 1000)
    return Figure("lab ready", "ms", samples)


def suite_runs() -> list[Figure]:
    """Whole runs of mode quick, and what each case in them took."""
    walls, steps, grids, memory = [], [], [], []
    for _ in range(SUITE_RUNS):
        with tempfile.TemporaryDirectory() as scratch:
            junit = Path(scratch) / "junit.xml"
            start = time.monotonic()
            run = subprocess.Popen(
                [sys.executable, "-m", "pytest", "suites", "--mode", "quick", "--reports", scratch],
                cwd=ROOT,
                stdout=subprocess.DEVNULL,
            )
            peak = 0.0
            while run.poll() is None:
                peak = max(peak, pss_mib(run.pid))
                time.sleep(0.5)
            walls.append((time.monotonic() - start) * 1000)
            memory.append(peak)
            if run.returncode:
                raise SystemExit(
                    f"the suite exited with {run.returncode}; nothing is measured on a failing run"
                )
            cases = list(ET.parse(junit).getroot().iter("testcase"))
        grid_cases = [case for case in cases if property_of(case, PROVEN)]
        # The first case also waits for the lab and the playground.
        steps += [float(case.attrib["time"]) * 1000 for case in grid_cases[1:]]
        grids += [float(value) * 1000 for case in grid_cases for value in property_of(case, PROVEN)]
    return [
        Figure("a grid proven (3 right rounds), from the policy", "ms", grids),
        Figure("a step: policies applied, grid proven", "ms", steps),
        Figure("MODE=quick, from start to exit", "ms", walls),
        Figure("memory of both documents' labs at once, PSS", "MiB", memory),
    ]


def property_of(case: ET.Element, name: str) -> list[str]:
    """The values of a user property in a JUnit test case."""
    return [item.attrib["value"] for item in case.iter("property") if item.attrib["name"] == name]


def pss_mib(pytest_pid: int) -> float:
    """The proportional set size of the lab that a pytest process started, with all it started itself."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            pid, parent = re.findall(r"^(\d+) \(.*\) \S (\d+)", stat.read_text())[0]
            children.setdefault(int(parent), []).append(int(pid))
    pending, total = list(children.get(pytest_pid, [])), 0
    while pending:
        pid = pending.pop()
        pending += children.get(pid, [])
        with contextlib.suppress(OSError):
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += sum(map(int, re.findall(r"^Pss:\s+(\d+)", rollup, flags=re.MULTILINE)))
    return total / 1024


def main() -> None:
    """Print one figure a line: the median, and the range in brackets."""
    argparse.ArgumentParser(
        prog="python -m tools.bench", description="Measure the lab and the suite on this machine."
    ).parse_args()
    # Where PYTHONDONTWRITEBYTECODE is set, each start would compile hundreds of modules once more.
    for package in PACKAGES:
        compileall.compile_dir(ROOT / package, quiet=1)
    for figure in [lab_starts(), *suite_runs()]:
        print(figure)  # noqa: T201


if __name__ == "__main__":
    main()
