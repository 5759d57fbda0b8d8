"""Workers of a forked run are forked from it, belong to it, and end with it."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.programs import ROOT

ENDS_WITHIN_S = 10

# A run, as far as its workers can tell: what it has loaded, a worker has as well.
_RUN = """
import os, signal, sys, execnet
from tools import forked_workers

sys.modules["loaded_before"] = sys
forked_workers.wanted_by({arguments})
asked = "import os, sys; channel.send(('loaded_before' in sys.modules, os.getpgrp(), os.getpid()))"
loaded, group, worker = execnet.makegateway("popen").remote_exec(asked).receive(20)
print(loaded, group == os.getpgrp(), worker, flush=True)
{ends}
"""


def run(arguments: list[str], ends: str) -> list[str]:
    """What a run with these arguments prints, when it is over."""
    return subprocess.run(
        [sys.executable, "-c", _RUN.format(arguments=arguments, ends=ends)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        timeout=30,
        check=False,
    ).stdout.split()


@pytest.mark.parametrize("ends", ["", "os.kill(os.getpid(), signal.SIGKILL)"], ids=["by itself", "killed"])
def test_a_worker_has_what_the_run_has_loaded_and_ends_with_it(ends: str) -> None:
    loaded, same_group, worker = run(["-n", "1"], ends)
    assert (loaded, same_group) == ("True", "True")
    deadline = time.monotonic() + ENDS_WITHIN_S
    while Path("/proc", worker).exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not Path("/proc", worker).exists()


def test_a_run_without_workers_has_nobody_beside_it() -> None:
    assert run(["-k", "strict"], "")[0] == "False"
