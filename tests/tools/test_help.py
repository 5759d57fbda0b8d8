"""What each program of ours says of itself, and that it does nothing else when it is asked for that."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.labs import ROOT

PROGRAMS = (
    "fixtures.cli",
    "lab",
    "tools.bench",
    "tools.faults",
    "tools.gen_jwt",
    "tools.istio",
    "tools.soak",
    "tools.verify_report",
)


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_is_printed_and_nothing_is_done(program: str) -> None:
    command = [sys.executable, "-m", program, "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: ")
