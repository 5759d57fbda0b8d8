"""Programs that a tool starts, several at a time, and that end with it however it ends."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import Any, NoReturn

ENDED_WITHIN_S = 30


class Children:
    """The programs that run at present."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()
        self._ending = False

    def run(self, command: Sequence[str], **options: Any) -> subprocess.CompletedProcess[str]:
        """Runs a program to its end, with what it prints; from any thread."""
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
        process = self.start(command, **pipes, **options)
        try:
            output, errors = process.communicate()
        finally:
            with self._lock:
                self._running.discard(process)
        return subprocess.CompletedProcess(command, process.returncode, output, errors)

    def start(self, command: Sequence[str], **options: Any) -> subprocess.Popen[str]:
        """Starts a program that runs until all are ended, if not earlier."""
        with self._lock:
            if self._ending:
                raise RuntimeError("no program is started any more")
            process = subprocess.Popen(command, text=True, **options)
            self._running.add(process)
            return process

    def end(self) -> None:
        """Ends those that still run, and waits for that."""
        with self._lock:
            self._ending = True
            running = list(self._running)
        for process in running:
            process.terminate()
        for process in running:
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
