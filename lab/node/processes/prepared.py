"""A Python program that has imported everything it needs, and is forked instead of started.

Importing takes httpbin a fifth of a second of the processor, and a playground has many of them: that was most
of what it took to start. Process 1 forks one process that imports it once. Asked for a copy, that one forks,
and the copy enters its container as any other program does, but that nothing is executed then.
"""

from __future__ import annotations

import gc
import importlib
import os
import select
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from lab.node.processes import syscalls

_READY = b"ready"


@dataclass(frozen=True)
class Prepared:
    """What is copied in the place of a `command` that begins like this one: `main` of a module.

    It is given the rest of the command as its arguments.
    """

    command: tuple[str, ...]
    module: str


class Copies:
    """Process 1's end of the channel to the process that is copied."""

    def __init__(self, prepared: Prepared, enter: Callable[[list[int]], NoReturn]) -> None:
        """`enter` makes a container of a copy, of the descriptors that it was asked for with."""
        self._command = prepared.command
        self._channel, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._there = False
        if os.fork() == 0:
            self._channel.close()
            _serve(its, prepared, enter)
        its.close()

    def fit(self, argv: Sequence[str]) -> bool:
        """Whether a command is one that a copy can be made of by now."""
        if not self._there and select.select([self._channel], [], [], 0)[0]:
            self._there = self._channel.recv(len(_READY)) == _READY
        return self._there and tuple(argv[: len(self._command)]) == self._command

    def copy(self, fds: Sequence[int]) -> int | None:
        """The process id of a copy, a child of this process; None if none can be made any more."""
        try:
            socket.send_fds(self._channel, [b"copy"], list(fds))
            answer = self._channel.recv(32)
        except OSError:
            answer = b""
        self._there = bool(answer)
        return int(answer) if answer else None


def _serve(channel: socket.socket, prepared: Prepared, enter: Callable[[list[int]], NoReturn]) -> NoReturn:
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        importlib.import_module(prepared.module)
        # Nothing of it is ever collected, so that copies share its pages.
        gc.collect()
        gc.freeze()
        channel.send(_READY)
        while True:
            data, fds, _, _ = socket.recv_fds(channel, 16, 16)
            if not data:
                break
            read, write = os.pipe2(os.O_CLOEXEC)
            between = os.fork()
            if between == 0:
                # Its child is an orphan as soon as it has ended, and so comes to process 1.
                copy = os.fork()
                if copy == 0:
                    enter(fds)
                os.write(write, str(copy).encode())
                os._exit(0)
            for fd in (*fds, write):
                os.close(fd)
            os.waitpid(between, 0)
            with os.fdopen(read, "rb") as told:
                channel.send(told.read())
    finally:
        os._exit(0)


def run(
    prepared: Prepared, argv: Sequence[str], environment: Mapping[str, str], descriptors: int
) -> NoReturn:
    """What takes the place of executing a program. Of the open files only the first `descriptors` stay."""
    os.closerange(descriptors, os.sysconf("SC_OPEN_MAX"))
    code = 1
    try:
        # As Python is when it has just been started.
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.environ.clear()
        os.environ.update(environment)
        syscalls.set_name(Path(prepared.command[-1]).stem)
        sys.argv = list(argv[len(prepared.command) - 1 :])
        importlib.import_module(prepared.module).main()
        code = 0
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else int(ending.code is not None)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        raise
    finally:
        os._exit(code)
