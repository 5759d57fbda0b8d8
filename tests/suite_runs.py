"""Runs of the suites for tests of what a run does, where how it is started is not what is tested."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools import forked_suites


def forked(
    *options: str,
    environment: Mapping[str, str] = os.environ,
    places: Sequence[str] = ("suites",),
    within_s: float = 200,
) -> subprocess.CompletedProcess[str]:
    """``pytest suites`` with these options, or of other places of theirs, to its end.

    It is forked from a process that has loaded pytest and the suites, for which a run of few cases needs the
    processor longer than for the cases; tests/fixtures/pytest_plugin/test_options.py compares what both say.
    """
    with tempfile.TemporaryDirectory() as scratch:
        output, errors = Path(scratch, "output"), Path(scratch, "errors")
        process = forked_suites.begin(options, output, errors, environment, places)
        try:
            process.join(within_s)
            if process.exitcode is None:
                raise subprocess.TimeoutExpired(["suites", *options], within_s, output.read_text())
            code = process.exitcode
        finally:
            process.kill()
            process.join()
            process.close()
        return subprocess.CompletedProcess(options, code, output.read_text(), errors.read_text())
