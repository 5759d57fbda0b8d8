"""Programs that end with the process that has started them, however that ends."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

_PR_SET_PDEATHSIG = 1

# Looked up at once: between fork and exec nothing may be loaded.
_prctl: Callable[..., Any] | None = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


def end_with_parent() -> None:
    """For ``preexec_fn``: SIGTERM comes to the program when the one that has started it ends.

    Only Linux can do that; elsewhere it goes on where its parent was killed.
    """
    if _prctl is not None:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def end_session(process: subprocess.Popen[str], seconds: float) -> None:
    """End a program that has a session of its own (``start_new_session``), with all that it has started.

    After each signal it has this long to end.
    """
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.communicate(timeout=seconds)
        except ProcessLookupError:
            break
        except subprocess.TimeoutExpired:
            continue
    process.wait()
