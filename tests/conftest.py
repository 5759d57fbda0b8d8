"""What all of our own tests share."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.suite.fault_sample import sample, turn
from tests.planes.istio_lab import IstioLab, running_istio
from tests.planes.option import pytest_addoption, pytest_terminal_summary
from tests.planes.option import pytest_collection_modifyitems as leave_out_what_is_of_another_plane
from tests.planes.option import pytest_configure as know_planes

__all__ = ["pytest_addoption", "pytest_terminal_summary"]


def pytest_configure(config: pytest.Config) -> None:
    """Programs are started as from a terminal: Ctrl-C is heeded, also where we are in the background.

    A shell has its background jobs ignore it, and nohup a hang-up; whatever they start inherits that. What is
    handled is not inherited, and a hang-up goes on doing nothing to ourselves.
    """
    know_planes(config)
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: None)


@pytest.fixture(scope="session", autouse=True)
def options_of_the_shell() -> None:
    """PYTEST_ADDOPTS is for this pytest and its workers, not for the runs that tests start."""
    os.environ.pop("PYTEST_ADDOPTS", None)


ROOMS_THAT_TAKE_LONGEST = ("suite", "elsewhere", "transcripts", "safety")
"""Of tests/e2e. Begun first, none of them is what the end is waited for."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The order of files, in which workers are given them; within a file it stays as it is.

    Those with labs wait more than they work, and the others work: they are spread among each other. Without
    workers nothing is won by that, and fixtures of a room would be made again and again.
    """
    leave_out_what_is_of_another_plane(config, items)
    if not hasattr(config, "workerinput"):
        return
    files = list(dict.fromkeys(item.path for item in items))
    with_labs = sorted((path for path in files if _has_labs(path)), key=_turn)
    without = [path for path in files if not _has_labs(path)]
    place = {path: n / len(of) for of in (with_labs, without) for n, path in enumerate(of)}
    items.sort(key=lambda item: place[item.path])


def _has_labs(path: Path) -> bool:
    return "e2e" in path.parts


def _turn(path: Path) -> int:
    room = path.parent.name
    last = len(ROOMS_THAT_TAKE_LONGEST)
    return ROOMS_THAT_TAKE_LONGEST.index(room) if room in ROOMS_THAT_TAKE_LONGEST else last


def pytest_report_header() -> str:
    return f"wrong meshes of this tree: {' '.join(sample(turn()))}"


@pytest.fixture(scope="session")
def istio_lab() -> Iterator[IstioLab]:
    """Real Istio, one lab for the whole session."""
    with running_istio() as lab:
        yield lab
