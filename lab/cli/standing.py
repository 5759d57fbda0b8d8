"""``up --at CASE``: a lab in a step of the suites.

Only the suites know the cases, and the lab does not import them: it runs their command line with a
kubeconfig, as any other user of the cluster would.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_USAGE = 4
"""The exit code of the suites' command line for a usage error."""


class UsageError(Exception):
    """The command line names something that does not exist."""


class NotThere(Exception):
    """The lab could not be put into the step; the message has a line for each reason."""


def mesh_for(case: str, mesh: str | None) -> str:
    """The policy API that the case needs. Raises UsageError for an unknown case, or another `--mesh`."""
    needed = _suites("at", case).strip()
    if mesh not in (None, needed):
        raise UsageError(f"--mesh {mesh}: the case {case} needs {needed}")
    return needed


def stand(case: str, kubeconfig: str) -> None:
    """Put a lab into the step of a case, and print how to inspect it. Raises NotThere if that fails."""
    sys.stderr.write(_suites("at", case, "--kubeconfig", kubeconfig))


def _suites(*arguments: str) -> str:
    """The output of the suites' command line."""
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
