"""A run of the suites that finds nothing to do, and by that loads all that any run loads."""

from __future__ import annotations

import contextlib
import gc
import io
import os
import signal
import tempfile

import pytest

_NO_CASE = "no_case_has_such_a_name"
_OF_OTHERS = ("PYTEST_", "GITHUB_", "CI")


def run_idle() -> None:
    """In this process, from which runs are forked afterwards; nobody sees or hears anything of it.

    It is more than a collection: at the end of a run its page is made, which takes as long again.
    """
    before = dict(os.environ)
    for name in [name for name in before if name.startswith(_OF_OTHERS)]:
        del os.environ[name]
    # A Ctrl-C is for those who wait for this process.
    interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)
    with tempfile.TemporaryDirectory() as reports, contextlib.redirect_stdout(io.StringIO()):
        pytest.main(["suites", "-k", _NO_CASE, "-qq", "-p", "no:cacheprovider", "--reports", reports])
    signal.signal(signal.SIGINT, interrupt)
    os.environ.update(before)
    # What lives as long as the process need not be looked at again in each run.
    gc.freeze()
