"""What every run of the suites loads, loaded by being imported: for the process that runs are forked from."""

from __future__ import annotations

import contextlib
import gc
import io
import os
import signal

import pytest

from tools.lab_program import ROOT, described_faults

# A Ctrl-C is for those who wait for this process.
interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)
os.chdir(ROOT)
described_faults([])
with contextlib.redirect_stdout(io.StringIO()):
    pytest.main(["suites", "--collect-only", "-qq"])
signal.signal(signal.SIGINT, interrupt)
# What lives as long as the process need not be looked at again in each run.
gc.freeze()
