"""Exit codes of ``python -m lab``."""

from __future__ import annotations

OK = 0
NOT_RUNNING = 1
USAGE = 2
PRECONDITION = 3
IN_USE = 4
FAILED = 5
