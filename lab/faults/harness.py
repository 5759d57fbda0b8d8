"""What is no fault of the mesh: of these the suite has to say that it could not tell."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lab.faults.registry import HARNESS, fault
from lab.kube.runtime import ExecFailed, Process, Runtime
from lab.kube.serving import Serving
from lab.kube.store import Object
from lab.node.images import Launch, Readiness

HALF_WAY_S = 4.0
"""About the middle of the quick profile, counted from the start of the lab."""


@fault(HARNESS)
def pod_never_ready(launch: Launch) -> Launch:
    """httpbin starts, but never serves."""
    if launch.readiness is not Readiness.ANNOUNCED:
        return launch
    return replace(launch, argv=("sleep", "infinity"))


@fault(HARNESS)
def exec_refused(runtime: Runtime) -> Runtime:
    """No program can be started in a container."""
    return _Exec(runtime, refused=True)


@fault(HARNESS)
def exec_breaks_off(runtime: Runtime) -> Runtime:
    """Programs that were started in a container are ended soon."""
    return _Exec(runtime, ended_after_s=1.0)


@fault(HARNESS)
def exec_without_tools(runtime: Runtime) -> Runtime:
    """A shell in a container finds no program, curl neither."""
    return _Exec(runtime, before=("env", "PATH=/nowhere"))


@fault(HARNESS)
def api_server_gone(server: Serving) -> Serving:
    """The API server ends half-way through a run."""
    return _Ending(server)


class _Ending:
    """A server that ends by itself."""

    def __init__(self, server: Serving) -> None:
        self._server = server
        self._ended: asyncio.Task[None] | None = None

    async def start(self, sockets: Sequence[socket.socket]) -> None:
        listeners = [listener.dup() for listener in sockets]
        await self._server.start(sockets)
        asyncio.get_running_loop().call_later(HALF_WAY_S, self._end, listeners)

    def _end(self, listeners: Sequence[socket.socket]) -> None:
        # Other processes of the lab hold the same sockets, so that closing them would not be enough.
        for listener in listeners:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self._ended = asyncio.get_running_loop().create_task(self.stop())

    async def stop(self) -> None:
        await self._server.stop()


class _Exec:
    """A runtime with something wrong about exec."""

    def __init__(
        self,
        runtime: Runtime,
        *,
        refused: bool = False,
        ended_after_s: float | None = None,
        before: tuple[str, ...] = (),
    ) -> None:
        self._runtime = runtime
        self._refused = refused
        self._ended_after_s = ended_after_s
        self._before = before

    async def exec(
        self, pod: Object, container: str, argv: Sequence[str], *, stdin: bool, tty: bool
    ) -> Process:
        if self._refused:
            raise ExecFailed("the node refuses")
        if self._before:
            argv = (*self._before, f"/bin/{argv[0]}", *argv[1:])
        process = await self._runtime.exec(pod, container, argv, stdin=stdin, tty=tty)
        if self._ended_after_s is not None:
            asyncio.get_running_loop().call_later(self._ended_after_s, process.kill)
        return process

    def logs(self, pod: Object, container: str, *, previous: bool) -> Path | None:
        return self._runtime.logs(pod, container, previous=previous)
