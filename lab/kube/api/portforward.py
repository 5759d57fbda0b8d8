"""`pods/portforward`: SPDY/3.1 tunneled in a WebSocket, as kubectl 1.31 and client-go use it.

The client opens two streams for each connection that it carries, with the same request id: one for the data,
one on which only the server says anything, and only if the connection could not be made.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping

from aiohttp import WSMsgType, web

from lab.kube.api import spdy
from lab.kube.api.websockets import accept
from lab.kube.errors import bad_request
from lab.kube.objects import Object
from lab.kube.runtime import Runtime, Unconnected

log = logging.getLogger(__name__)

PROTOCOLS = ("SPDY/3.1+portforward.k8s.io",)
CHUNK = 32 * 1024
#: Connections that one client may carry at a time, and pieces of data that may wait in each.
MAX_STREAMS, MAX_WAITING = 500, 32


async def handle(request: web.BaseRequest, pod: Object, runtime: Runtime) -> web.StreamResponse:
    """Carries connections to ports of the pod. Raises ApiError 400 before the protocol is switched."""
    if (pod.get("status") or {}).get("phase") != "Running":
        raise bad_request(f"pod {pod['metadata']['name']} is not running")
    hint = "kubectl 1.31 or newer, without KUBECTL_PORT_FORWARD_WEBSOCKETS=false"
    socket = await accept(request, PROTOCOLS, hint)
    forwarding = _Forwarding(socket, pod, runtime)
    try:
        await forwarding.serve()
    except spdy.Malformed as error:
        log.warning("port forwarding to %s ended: %s", pod["metadata"]["name"], error)
    except ConnectionError:
        pass  # The client is gone.
    finally:
        await forwarding.end()
    return socket


class _Forwarding:
    """The streams of one client."""

    def __init__(self, socket: web.WebSocketResponse, pod: Object, runtime: Runtime) -> None:
        self._socket, self._pod, self._runtime = socket, pod, runtime
        self._reader, self._writer = spdy.Reader(), spdy.Writer()
        # The stream for errors of each request id; what has arrived on each stream for data (None: its end).
        self._errors: dict[str, int] = {}
        self._arrived: dict[int, asyncio.Queue[bytes | None]] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}

    async def serve(self) -> None:
        """Serves until the client disconnects. Raises Malformed."""
        async for message in self._socket:
            if message.type is WSMsgType.BINARY:
                for frame in self._reader.feed(message.data):
                    if frame.kind == spdy.GOAWAY:
                        return
                    await self._take(frame)

    async def end(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._socket.close()

    async def _take(self, frame: spdy.Frame) -> None:
        if frame.kind == spdy.SYN_STREAM:
            await self._open(frame.stream, frame.headers)
        elif frame.kind == spdy.PING:
            await self._socket.send_bytes(spdy.control(spdy.PING, frame.body))
        elif frame.kind == spdy.RST_STREAM and (task := self._tasks.get(frame.stream)) is not None:
            task.cancel()
        elif frame.kind == spdy.DATA and (queue := self._arrived.get(frame.stream)) is not None:
            if frame.body:
                await queue.put(frame.body)
            if frame.flags & spdy.FIN:
                await queue.put(None)

    async def _open(self, stream: int, headers: Mapping[str, str]) -> None:
        request, kind, port = (headers.get(name, "") for name in ("requestid", "streamtype", "port"))
        if kind == "error":
            self._errors[request] = stream
        elif kind != "data" or request not in self._errors or len(self._tasks) >= MAX_STREAMS:
            await self._socket.send_bytes(spdy.reset(stream, spdy.REFUSED_STREAM))
            return
        await self._socket.send_bytes(self._writer.reply(stream))
        if kind == "data":
            self._arrived[stream] = asyncio.Queue(MAX_WAITING)
            task = asyncio.create_task(self._carry(stream, self._errors.pop(request), port))
            self._tasks[stream] = task
            task.add_done_callback(lambda _: self._forget(stream))

    def _forget(self, stream: int) -> None:
        del self._tasks[stream]
        # Whoever feeds this stream must not wait for it any more.
        queue = self._arrived.pop(stream)
        while not queue.empty():
            queue.get_nowait()

    async def _carry(self, stream: int, errors: int, port: str) -> None:
        """One connection, from its start to its end."""
        failure = await self._connected(stream, port)
        with contextlib.suppress(ConnectionError):  # the client is gone
            await self._socket.send_bytes(spdy.data(stream, b"", last=True))
            await self._socket.send_bytes(spdy.data(errors, failure.encode(), last=True))

    async def _connected(self, stream: int, port: str) -> str:
        """Carries data both ways; what went wrong, or ""."""
        number = int(port) if port.isascii() and port.isdecimal() else 0
        if not 0 < number < 65536:
            return f"invalid port {port!r}"
        try:
            reader, writer = await self._runtime.connect(self._pod, number)
        except Unconnected as error:
            return f"error forwarding port {number} to pod {self._pod['metadata']['uid']}, uid : {error}"
        up = asyncio.create_task(_up(self._arrived[stream], writer))
        try:
            with contextlib.suppress(ConnectionError):
                while content := await reader.read(CHUNK):
                    await self._socket.send_bytes(spdy.data(stream, content))
        finally:
            up.cancel()
            await asyncio.gather(up, return_exceptions=True)
            writer.close()
        return ""


async def _up(queue: asyncio.Queue[bytes | None], writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):  # what the program has to say still comes
        while (content := await queue.get()) is not None:
            writer.write(content)
            await writer.drain()
        writer.write_eof()
    # Nobody takes any more, but nobody may be kept waiting either.
    while True:
        await queue.get()
