"""Runs of the suites, started as their user would."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run_suites(*options: str, reports: Path | None = None) -> subprocess.CompletedProcess[str]:
    """``pytest suites`` with these options; its output holds no colours."""
    with tempfile.TemporaryDirectory() as scratch:
        place = ["--reports", str(reports or scratch)]
        return subprocess.run(
            [sys.executable, "-m", "pytest", "suites", "--color=no", *place, *options],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
