"""What all of our own tests share."""

from __future__ import annotations

import signal

from tests.suite.fault_sample import sample, today


def pytest_configure() -> None:
    """Programs are started as from a terminal: Ctrl-C is heeded, also where we are in the background.

    A shell has its background jobs ignore it, and whatever they start inherits that.
    """
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_report_header() -> str:
    """Which faults are chosen depends on the day, so that a failure says with which it can be repeated."""
    day = today()
    return f"faults of day {day}: {' '.join(sample(day))}"
