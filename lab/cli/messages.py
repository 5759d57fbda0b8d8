"""What a command tells its user."""

from __future__ import annotations

import sys


def say(text: str) -> None:
    """A line on standard error, since a shell may evaluate standard output."""
    sys.stderr.write(text + "\n")
