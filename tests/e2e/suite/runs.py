"""Runs of the suites, started as their user would."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def run_suites(*options: str, reports: Path | None = None) -> subprocess.CompletedProcess[str]:
    """``pytest suites`` with these options; its output holds no colours.

    Nobody reads the evidence of most of these runs: they gather none but what the option asks for.
    """
    with tempfile.TemporaryDirectory() as scratch:
        place = ["--reports", str(reports or scratch), "--evidence", "summary"]
        return subprocess.run(
            [sys.executable, "-m", "pytest", "suites", "--color=no", *place, *options],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
