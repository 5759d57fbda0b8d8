"""Programs of a project, forked from a process that has loaded once what its runs need: that takes a second.

To whoever starts, signals or waits for one it is a program like any other: it has a session, an environment
and streams of its own, and an exit code.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

# It is sent a message for each program, with its streams and a pipe for its exit code; it answers the number.
_SERVER = """
import json, os, socket, sys, threading
from tools.idle_run import run_idle

run_idle()

def become(code, variables, streams):
    os.setsid()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    if os.isatty(0):
        # The first terminal that a session opens becomes its own, by which it learns that it is closed.
        os.close(os.open(os.ttyname(0), os.O_RDWR))
    sys.stdin = open(0, closefd=False)
    sys.stdout = open(1, "w", buffering=1 if os.isatty(1) else -1, closefd=False)
    sys.stderr = open(2, "w", buffering=1, closefd=False)
    os.environ.clear()
    os.environ.update(variables)
    exec(code, {"__name__": "__main__"})

def tell(process, ended):
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    os.write(ended, str(code).encode())
    os.close(ended)

asked = socket.socket(fileno=0)
while True:
    message, descriptors, _, _ = socket.recv_fds(asked, 1 << 18, 4)
    if not message:
        break
    *streams, ended = descriptors
    process = os.fork()
    if not process:
        os.close(ended)
        become(*json.loads(message), streams)
        sys.exit()
    for stream in streams:
        os.close(stream)
    threading.Thread(target=tell, args=(process, ended), daemon=True).start()
    asked.send(str(process).encode())
"""


class Forked:
    """A program under way, or over."""

    def __init__(self, pid: int, ended: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._ended = ended

    def poll(self) -> int | None:
        """Its exit code, -N after signal N, None while it goes on."""
        with contextlib.suppress(TimeoutError):
            self.wait(0)
        return self.returncode

    def wait(self, seconds: float) -> int:
        """Its exit code. Raises TimeoutError."""
        if self.returncode is None:
            if not select.select([self._ended], [], [], seconds)[0]:
                raise TimeoutError(f"{self.pid} goes on after {seconds} s")
            self.returncode = int(os.read(self._ended, 16))
            os.close(self._ended)
        return self.returncode

    def send_signal(self, number: signal.Signals) -> None:
        """Unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)


class ForkServer:
    """What programs of one folder are forked from; any thread may ask it."""

    def __init__(self, asked: socket.socket) -> None:
        self._asked = asked
        self._turn = threading.Lock()

    @classmethod
    @contextmanager
    def running(cls, folder: Path, variables: Mapping[str, str]) -> Iterator[ForkServer]:
        """For as long as the context lasts. Messages are kept apart by the kind of socket."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours, theirs:
            server = subprocess.Popen(
                [sys.executable, "-c", _SERVER],
                cwd=folder,
                env=dict(variables),
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            theirs.close()
            yield cls(ours)
        server.wait(20)

    def begin(self, code: str, variables: Mapping[str, str], streams: Sequence[int]) -> Forked:
        """Runs code of Python with this environment, and three streams that are ours to close."""
        ended, theirs = os.pipe()
        try:
            message = json.dumps([code, dict(variables)]).encode()
            with self._turn:
                socket.send_fds(self._asked, [message], [*streams, theirs])
                answer = self._asked.recv(32)
        finally:
            os.close(theirs)
        assert answer, "the process to fork from has ended"
        return Forked(int(answer), ended)
