"""Relays connections: bytes, the end of each direction by itself, and resets as resets."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Coroutine

# On close, discard what is left and send RST.
_RESET = struct.pack("ii", 1, 0)


class Side(asyncio.Protocol):
    """One of the two connections of a relay."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.other: Side | None = None
        self.ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self.other and self.other.transport:
            self.other.transport.write(data)

    def eof_received(self) -> bool:
        """Keeps the connection open: the other direction may go on."""
        self.ended = True
        if self.other and self.other.transport:
            if self.other.ended:
                self.other.transport.close()
                return False
            self.other.transport.write_eof()
        return True

    def pause_writing(self) -> None:
        if self.other and self.other.transport:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other and self.other.transport:
            self.other.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        if self.other and self.other.transport:
            if exc is None:
                self.other.transport.close()
            else:
                reset(self.other.transport)


class Client(Side):
    """The accepted side; the onward connection is opened once it is there."""

    def __init__(self, relays: Relays, host: str, port: int) -> None:
        super().__init__()
        self._relays = relays
        self._target = (host, port)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        assert self.transport
        if not self._relays.enter(self):
            reset(self.transport)
            return
        # Nothing is read for which there is no place yet. Up to Python 3.11.2 a transport starts to read
        # after this method, whatever is asked of it here; later it obeys, before it has read anything.
        asyncio.get_running_loop().call_soon(self.transport.pause_reading)
        self._relays.start(self._connect())

    def connection_lost(self, exc: Exception | None) -> None:
        self._relays.leave(self)
        super().connection_lost(exc)

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            transport, onwards = await loop.create_connection(Side, *self._target)
        except OSError:
            if self.transport:
                reset(self.transport)
            return
        if self.transport is None:  # gone meanwhile
            transport.abort()
            return
        onwards.other, self.other = self, onwards
        self.transport.resume_reading()


class Relays:
    """The relayed connections of this lab, up to a limit."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._clients: set[Client] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, listener: socket.socket, host: str, port: int) -> asyncio.Server:
        """Relays every connection to the listening socket to host and port, until the server is closed."""
        return await asyncio.get_running_loop().create_server(
            lambda: Client(self, host, port), sock=listener, backlog=128
        )

    def close(self) -> None:
        """Ends every relayed connection."""
        for task in self._tasks:
            task.cancel()
        for client in self._clients:
            if client.transport:
                reset(client.transport)

    def enter(self, client: Client) -> bool:
        """False if there are too many."""
        if len(self._clients) >= self._most:
            return False
        self._clients.add(client)
        return True

    def leave(self, client: Client) -> None:
        self._clients.discard(client)

    def start(self, connecting: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(connecting)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def reset(transport: asyncio.Transport) -> None:
    """Resets a connection, so that the peer sees that something went wrong."""
    connection = transport.get_extra_info("socket")
    with contextlib.suppress(OSError):  # gone already
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    transport.abort()
