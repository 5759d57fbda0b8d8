"""Runs of the suites with the options of their user."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.suite_runs import forked

ROOT = Path(__file__).resolve().parents[3]
ENDS_WITHIN_S = 300


def run_suites(*options: str, reports: Path | None = None) -> subprocess.CompletedProcess[str]:
    """``pytest suites`` with these options and our environment; its output holds no colours.

    Nobody reads the evidence of most of these runs: they gather none but what the option asks for.
    """
    with tempfile.TemporaryDirectory() as scratch:
        place = ["--reports", str(reports or Path(scratch, "reports")), "--evidence", "summary"]
        return forked("--color=no", *place, *options)


def by_its_command(*options: str) -> subprocess.CompletedProcess[str]:
    """Such a run as its user starts it."""
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, "-m", "pytest", "suites", "--color=no", "--reports", scratch, *options]
        return subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=ENDS_WITHIN_S, check=False
        )
