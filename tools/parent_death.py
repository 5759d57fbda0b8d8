"""Programs that end with the process that has started them, however that ends."""

from __future__ import annotations

import ctypes
import signal
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
