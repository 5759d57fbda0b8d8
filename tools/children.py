"""Programs that a tool starts, several at a time, and that end with it however it ends."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import connection
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any, NoReturn, TypeVar

ENDED_WITHIN_S = 30

Child = subprocess.Popen[str] | BaseProcess
AnyChild = TypeVar("AnyChild", subprocess.Popen[str], BaseProcess)


class Ended(Exception):
    """All programs were ended, so that this one was too, or was not started."""


class Children:
    """The programs that run at present."""

    def __init__(self) -> None:
        self._running: set[Child] = set()
        self._lock = threading.Lock()
        self._ending = False

    def fork(self, begin: Callable[[], BaseProcess]) -> int:
        """Runs what begins here to its end; from any thread. Gives its exit code, -N after signal N.

        Raises Ended.
        """
        process = self._started(begin)
        process.join()
        with self._lock:
            self._running.discard(process)
        if self._ending:
            raise Ended
        assert process.exitcode is not None
        return process.exitcode

    def start(self, command: Sequence[str], **options: Any) -> subprocess.Popen[str]:
        """Starts a program that runs until all are ended, if not earlier."""
        return self._started(lambda: subprocess.Popen(command, text=True, **options))

    def end(self) -> None:
        """Ends those that still run, and waits for that."""
        with self._lock:
            self._ending = True
            running = list(self._running)
        for process in running:
            process.terminate()
        for process in running:
            _wait(process)

    def _started(self, begin: Callable[[], AnyChild]) -> AnyChild:
        with self._lock:
            if self._ending:
                raise Ended
            process = begin()
            self._running.add(process)
            return process


def _wait(process: Child) -> None:
    if isinstance(process, BaseProcess):
        # Its exit code is for the thread that runs it: only one can read it.
        connection.wait([process.sentinel], ENDED_WITHIN_S)
        return
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(ENDED_WITHIN_S)


@contextlib.contextmanager
def children() -> Iterator[Children]:
    """Children for as long as the context lasts; a SIGTERM ends it like a Ctrl-C."""
    before = signal.signal(signal.SIGTERM, _interrupt)
    ours = Children()
    try:
        yield ours
    finally:
        ours.end()
        signal.signal(signal.SIGTERM, before)


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
