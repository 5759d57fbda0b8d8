"""Runs of `pytest suites` forked from a process that has loaded once what all of them need.

That takes a second of the processor, and a run against a fault has little else to do.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from multiprocessing import connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from tools import forked_workers
from tools.children import Children

PRINTED = "printed.txt"

_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(["tools.warm"])


def run(options: Sequence[str], folder: Path, ours: Children) -> tuple[int, str]:
    """A run with these options, to its end: its exit code, and what it printed, which is in the folder too.

    Raises Ended.
    """
    printed = folder / PRINTED
    exit_code = ours.fork(lambda: begin(options, printed))
    return exit_code, printed.read_text()


def begin(
    options: Sequence[str],
    output: Path,
    errors: Path | None = None,
    environment: Mapping[str, str] = os.environ,
    places: Sequence[str] = ("suites",),
) -> BaseProcess:
    """Starts a run with these options; what it prints goes into a file, errors into the same or another.

    ``places`` are the folders and files of the suites that it is of.
    """
    arguments = [*places, *options]
    process = _SERVER.Process(target=_run, args=(arguments, output, errors or output, dict(environment)))
    process.start()
    return process


def _run(arguments: list[str], output: Path, errors: Path, environment: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    # Where it is follows from the environment, which was another one when somebody asked first.
    tempfile.tempdir = None
    for descriptor, file in ((1, output), (2, errors)):
        with file.open("ab") as stream:
            os.dup2(stream.fileno(), descriptor)
    forked_workers.wanted_by(arguments)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    sys.exit(pytest.main(arguments))


def _end_with_parent() -> None:
    if parent := multiprocessing.parent_process():
        connection.wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)
