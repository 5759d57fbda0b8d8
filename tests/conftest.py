"""What all of our own tests share."""

from __future__ import annotations

import signal

import pytest

from tests.planes.option import pytest_addoption, pytest_collection_modifyitems
from tests.planes.option import pytest_configure as know_planes
from tests.suite.fault_sample import sample, today

__all__ = ["pytest_addoption", "pytest_collection_modifyitems"]


def pytest_configure(config: pytest.Config) -> None:
    """Programs are started as from a terminal: Ctrl-C is heeded, also where we are in the background.

    A shell has its background jobs ignore it, and whatever they start inherits that.
    """
    know_planes(config)
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_report_header() -> str:
    """Which faults are chosen depends on the day, so that a failure says with which it can be repeated."""
    day = today()
    return f"faults of day {day}: {' '.join(sample(day))}"
