"""Workers of pytest-xdist, forked as the run itself was: a Python of their own would load everything anew."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from execnet import gateway_io
from execnet.gateway_base import Popen2IO

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def wanted_by(arguments: Sequence[str]) -> None:
    """From here on the workers of this process, if these arguments want any, are forked from what it is now.

    They belong to its process group, and end when nobody tells them anything any more, as others do.
    """
    if not any(word.startswith(("-n", "--numprocesses")) for word in arguments):
        return
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if not os.fork():
        ours.close()
        _fork_workers(theirs)
    theirs.close()

    class Asking(_ForkedWorker):
        asked = ours

    gateway_io.Popen2IOMaster = Asking  # type: ignore[misc]


class _ForkedWorker(gateway_io.Popen2IOMaster):
    """A worker, as whoever has it knows it: by two pipes, and a third that is closed when it ends."""

    asked: socket.socket

    def __init__(self, args: Sequence[str], execmodel: Any) -> None:
        their_input, our_output = os.pipe()
        our_input, their_output = os.pipe()
        self._ended, theirs = os.pipe()
        streams = (their_input, their_output, theirs)
        socket.send_fds(self.asked, [args[-1].encode()], streams)
        for stream in streams:
            os.close(stream)
        self._pid = int(self.asked.recv(32))
        Popen2IO.__init__(self, os.fdopen(our_output, "wb"), os.fdopen(our_input, "rb"), execmodel)

    def wait(self) -> int | None:
        os.read(self._ended, 1)
        return None

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)


def _fork_workers(asked: socket.socket) -> NoReturn:
    """Forks them until nobody is there who could ask; signals are for the run and for them."""
    handlers = {number: signal.signal(number, signal.SIG_IGN) for number in (*_ENDING, signal.SIGCHLD)}
    while True:
        code, streams, _, _ = socket.recv_fds(asked, 1 << 16, 3)
        if not code:
            os._exit(0)
        if not (pid := os.fork()):
            break
        for stream in streams:
            os.close(stream)
        asked.send(str(pid).encode())
    asked.close()
    for number, handler in handlers.items():
        signal.signal(number, handler)
    for descriptor, stream in enumerate(streams[:2]):
        os.dup2(stream, descriptor)
        os.close(stream)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    exec(code, {"__name__": "__main__"})
    sys.exit()
