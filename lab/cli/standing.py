"""``up --at CASE``: a lab that stands in a step of the suites.

What a case is only the suites know, and the lab imports nothing of them: their own command line is run beside
it, given the kubeconfig as any other user of the cluster is.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_USAGE = 4
"""The exit code with which the command line of the suites refuses what it is asked."""


class UsageError(Exception):
    """The command line asks for something that does not exist."""


class NotThere(Exception):
    """The lab could not be put into the step; the message says why, a line each."""


def mesh_for(case: str, mesh: str | None) -> str:
    """The policy API that the mesh must speak. UsageError for a case that there is none of, or of another."""
    needed = _suites("at", case).strip()
    if mesh not in (None, needed):
        raise UsageError(f"--mesh {mesh}: the case {case} needs {needed}")
    return needed


def stand(case: str, kubeconfig: str) -> None:
    """Put a lab into the step of a case, and say how to look at it. NotThere if that goes wrong."""
    sys.stderr.write(_suites("at", case, "--kubeconfig", kubeconfig))


def _suites(*arguments: str) -> str:
    """What the command line of the suites prints."""
    child = subprocess.Popen(
        [sys.executable, "-m", "fixtures.cli", *arguments],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        printed, complaint = child.communicate()
    finally:
        # When the lab is told to end meanwhile, so is the child.
        with contextlib.suppress(ProcessLookupError):
            child.terminate()
        child.wait()
    if child.returncode:
        raise (UsageError if child.returncode == _USAGE else NotThere)(_said(complaint.splitlines()))
    return printed


def _said(lines: Sequence[str]) -> str:
    return "\n".join(line.removeprefix("ERROR: ") for line in lines) or "the suites say nothing"
