"""The times of log lines: containers write plain lines into files of their own.

The node looks at the files twice a second and remembers how long they were. So a line's time is when it was
noticed: half a second late at most.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from lab.kube.runtime import Mark

#: Seconds between two looks.
LOOK = 0.5
#: Marks of one log; of more, every second one is forgotten.
MOST = 1024


class LogTimes:
    """`current` names the logs that are being written, `kept` says of one whether it is there still."""

    def __init__(self, current: Callable[[], Iterable[Path]]) -> None:
        self._current = current
        self._marks: dict[str, list[Mark]] = {}

    async def run(self) -> None:
        """Looks at the logs, forever."""
        while True:
            for path in self._current():
                self._look(os.fspath(path))
            for gone in [path for path in self._marks if not os.path.lexists(path)]:  # noqa: ASYNC240
                del self._marks[gone]
            await asyncio.sleep(LOOK)

    def of(self, path: Path) -> list[Mark]:
        """The marks of a log, the last one made just now."""
        self._look(os.fspath(path))
        return self._marks.get(os.fspath(path), [])

    def _look(self, path: str) -> None:
        try:
            size = os.stat(path).st_size  # noqa: PTH116 - twice a second for every container
        except FileNotFoundError:
            return
        marks = self._marks.setdefault(path, [])
        if size > (marks[-1].size if marks else 0):
            marks.append(Mark(size, time.time()))
            if len(marks) > MOST:
                # Of two marks the later one stays: a line is never dated back.
                del marks[0:-1:2]
