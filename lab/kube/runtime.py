"""What the API server needs from a node for exec, logs and port forwarding.

The server never starts a program and never builds a file path from an object's name; both belong to the node,
which knows a container's network namespace, file system and environment.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from lab.kube.objects import Object


class ExecFailed(Exception):
    """A program could not be started in a container: no such program, or the container is not running."""


class Unconnected(Exception):
    """The connection to a pod failed; says why in the words of a container runtime."""


class Mark(NamedTuple):
    """By `time` (seconds since the epoch), the first `size` bytes of a log had been written."""

    size: int
    time: float


@dataclass(frozen=True)
class Log:
    """A container's output: a file of plain lines, and when it had grown to which size, oldest mark first."""

    path: Path
    marks: Callable[[], Sequence[Mark]]


class Process(Protocol):
    """A program running in a container. It leads a process group of its own."""

    @property
    def stdin(self) -> asyncio.StreamWriter | None:
        """None when the program was started without `stdin`."""

    @property
    def stdout(self) -> asyncio.StreamReader:
        """With a terminal this carries standard error as well."""

    @property
    def stderr(self) -> asyncio.StreamReader | None:
        """None when the program has a terminal."""

    async def wait(self) -> int:
        """Exit code of the program; 128 + N when signal N ended it."""

    def kill(self) -> None:
        """End the whole process group at once; nothing happens when it has already ended."""


class Runtime(Protocol):
    """The node's side of a pod's `exec`, `log` and `portforward` subresources."""

    async def exec(
        self, pod: Object, container: str, argv: Sequence[str], *, stdin: bool, tty: bool
    ) -> Process:
        """Start `argv` (no shell) in a container of the pod. Raises ExecFailed."""

    def logs(self, pod: Object, container: str, *, previous: bool) -> Log | None:
        """Standard output and error of the container, as plain lines in the order of writing.

        `previous` asks for the run before the last restart. None when there was no such run.
        """

    async def connect(self, pod: Object, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to a port on the pod's own loopback address. Raises Unconnected."""
