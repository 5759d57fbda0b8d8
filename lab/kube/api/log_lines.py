"""Lines of a log and their times: where those since a moment begin, and lines with their times before them.

A line's time is that of the first mark behind its beginning; what no mark covers yet is from now.
"""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import BinaryIO

from lab.kube.runtime import Mark

CHUNK = 64 * 1024


def start_of_last(file: BinaryIO, count: int) -> int:
    """Offset at which the last `count` lines begin; a last line without line end counts."""
    end = file.seek(0, 2)
    if count == 0:
        return end
    wanted, position = count, end
    while position > 0:
        start = max(0, position - CHUNK)
        file.seek(start)
        block = file.read(position - start)
        at = len(block)
        if position == end and block.endswith(b"\n"):
            at -= 1
        while (at := block.rfind(b"\n", 0, at)) >= 0:
            wanted -= 1
            if wanted == 0:
                return start + at + 1
        position = start
    return 0


def start_since(file: BinaryIO, marks: Sequence[Mark], moment: float) -> int:
    """Offset of the first line that is no older than a moment (seconds since the epoch)."""
    older = bisect_left(marks, moment, key=lambda mark: mark.time)
    if older == 0:
        return 0
    # What begins before this had been written before the moment.
    position = marks[older - 1].size
    file.seek(position - 1)
    while block := file.read(CHUNK):
        if (at := block.find(b"\n")) >= 0:
            return file.tell() - len(block) + at + 1
    return file.tell()


class Stamper:
    """Puts its time before every line, as bytes come: `position` is the offset of the first of them."""

    def __init__(self, position: int, marks: Callable[[], Sequence[Mark]]) -> None:
        self._position = position
        self._marks = marks
        self._in_line = False

    def stamped(self, content: bytes) -> bytes:
        marks, found = self._marks(), []
        for line in _lines(content):
            if not self._in_line:
                found.append(_stamp(self._time_at(marks)))
            found.append(line)
            self._in_line = not line.endswith(b"\n")
            self._position += len(line)
        return b"".join(found)

    def _time_at(self, marks: Sequence[Mark]) -> float:
        index = bisect_right(marks, self._position, key=lambda mark: mark.size)
        return marks[index].time if index < len(marks) else time.time()


def _lines(content: bytes) -> list[bytes]:
    """Only line feeds end a line."""
    parts = content.split(b"\n")
    lines = [part + b"\n" for part in parts[:-1]]
    return [*lines, parts[-1]] if parts[-1] else lines


def _stamp(moment: float) -> bytes:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%S.%f}000Z ".encode()
