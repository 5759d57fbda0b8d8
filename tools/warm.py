"""What every run of the suites loads, loaded by being imported: for the process that runs are forked from."""

from __future__ import annotations

import os

# What asks for it is a run with workers; most have none.
from tools import forked_workers as forked_workers
from tools.idle_run import run_idle
from tools.lab_program import ROOT, described_faults

os.chdir(ROOT)
described_faults([])
run_idle()
