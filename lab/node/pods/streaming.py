"""The node's side of `kubectl exec`, `logs` and `port-forward` (lab.kube.runtime)."""

from __future__ import annotations

import asyncio
import os
import pty
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from lab.kube.client import Object
from lab.kube.runtime import ExecFailed, Log, Unconnected
from lab.node.pods.log_times import LogTimes
from lab.node.pods.pod_context import log_file
from lab.node.pods.pod_worker import PodWorker
from lab.node.processes import syscalls
from lab.node.processes.spawner import Child, Spawner, StartFailed, Streams

# Seconds that a program in a pod may take to accept a connection.
_CONNECT_TIMEOUT = 10.0


@dataclass(frozen=True)
class PodProcess:
    """A program started by `exec`, with its streams."""

    child: Child
    stdin: asyncio.StreamWriter | None
    stdout: asyncio.StreamReader
    stderr: asyncio.StreamReader | None

    async def wait(self) -> int:
        return await self.child.wait()

    def kill(self) -> None:
        self.child.kill()


class NodeRuntime:
    """`find` returns the worker of a pod by its UID."""

    def __init__(
        self, spawner: Spawner, find: Callable[[str], PodWorker | None], log_times: LogTimes
    ) -> None:
        self._spawner = spawner
        self._find = find
        self._log_times = log_times

    async def exec(
        self, pod: Object, container: str, argv: Sequence[str], *, stdin: bool, tty: bool
    ) -> PodProcess:
        worker = self._find(pod["metadata"]["uid"])
        found = worker and worker.container(container)
        if not worker or not found or not found.child or not worker.sandbox:
            raise ExecFailed(f'container not found ("{container}")')
        connect = _terminal if tty else _pipes
        ours, theirs = connect(self._spawner.null, stdin)
        try:
            child = await found.start_beside(worker.sandbox, self._spawner, argv, theirs.streams)
        except StartFailed as failure:
            ours.close()
            raise ExecFailed(
                f"OCI runtime exec failed: exec failed: unable to start container process: {failure}: unknown"
            ) from failure
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        return await ours.process(child)

    def logs(self, pod: Object, container: str, *, previous: bool) -> Log | None:
        worker = self._find(pod["metadata"]["uid"])
        found = worker and worker.container(container)
        if not worker or not found:
            return None
        run = found.state.restarts - (1 if previous else 0)
        file = log_file(worker.directory, container, run)
        if not previous and not file.exists():
            # Between two runs the last one's output is the current one.
            file = log_file(worker.directory, container, run - 1)
        if run < 0 or not file.exists():
            return None
        return Log(file, partial(self._log_times.of, file))

    async def connect(self, pod: Object, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        worker = self._find(pod["metadata"]["uid"])
        if not worker or not worker.sandbox:
            raise Unconnected("pod is not running")
        client = syscalls.socket_in(worker.sandbox.network)
        try:
            async with asyncio.timeout(_CONNECT_TIMEOUT):
                await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", port))
            return await asyncio.open_connection(sock=client)
        except OSError as error:
            client.close()
            why = "i/o timeout" if isinstance(error, TimeoutError) else f"connect: {_reason(error)}"
            raise Unconnected(
                f'failed to connect to localhost:{port} inside namespace "{pod["metadata"]["namespace"]}",'
                f" IPv4: dial tcp4 127.0.0.1:{port}: {why}"
            ) from None
        except BaseException:
            client.close()
            raise


def _reason(error: OSError) -> str:
    return os.strerror(error.errno).lower() if error.errno else str(error)


@dataclass(frozen=True)
class _Theirs:
    """The program's ends of the streams."""

    streams: Streams
    owned: tuple[int, ...]

    def close(self) -> None:
        for fd in self.owned:
            os.close(fd)


@dataclass(frozen=True)
class _Ours:
    """The supervisor's ends: descriptors to read from, and one to write to."""

    stdin: int | None
    stdout: int
    stderr: int | None

    def close(self) -> None:
        for fd in (self.stdin, self.stdout, self.stderr):
            if fd is not None:
                os.close(fd)

    async def process(self, child: Child) -> PodProcess:
        stdin = None if self.stdin is None else await _writer(self.stdin)
        stderr = None if self.stderr is None else await _reader(self.stderr)
        return PodProcess(child, stdin, await _reader(self.stdout), stderr)


def _pipes(null: int, stdin: bool) -> tuple[_Ours, _Theirs]:
    in_theirs, in_ours = os.pipe2(os.O_CLOEXEC) if stdin else (None, None)
    out_ours, out_theirs = os.pipe2(os.O_CLOEXEC)
    err_ours, err_theirs = os.pipe2(os.O_CLOEXEC)
    source = null if in_theirs is None else in_theirs
    owned = [fd for fd in (in_theirs, out_theirs, err_theirs) if fd is not None]
    return _Ours(in_ours, out_ours, err_ours), _Theirs(Streams(source, out_theirs, err_theirs), tuple(owned))


def _terminal(_null: int, stdin: bool) -> tuple[_Ours, _Theirs]:
    ours, theirs = pty.openpty()
    for fd in (ours, theirs):
        os.set_inheritable(fd, False)
    writing = os.dup(ours) if stdin else None
    return _Ours(writing, ours, None), _Theirs(Streams(theirs, theirs, theirs, terminal=True), (theirs,))


async def _reader(fd: int) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    protocol = _EndOfTerminal(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, os.fdopen(fd, "rb", 0))
    return reader


async def _writer(fd: int) -> asyncio.StreamWriter:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.connect_write_pipe(
        lambda: asyncio.streams.FlowControlMixin(loop=loop), os.fdopen(fd, "wb", 0)
    )
    return asyncio.StreamWriter(transport, protocol, None, loop)


class _EndOfTerminal(asyncio.StreamReaderProtocol):
    """A terminal whose program has ended gives an I/O error (EIO) where a pipe gives an end of file."""

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(None if isinstance(exc, OSError) else exc)
