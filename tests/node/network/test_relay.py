"""Relayed connections: every byte, each end by itself, resets as resets."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from lab.node.network.relay import Relays

HERE = "127.0.0.1"
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers only after the client's end, which must have come alone."""
    writer.write(await reader.read())
    await writer.drain()
    writer.close()


@asynccontextmanager
async def relayed(handler: Handler, most: int = 10) -> Any:
    """Host and port of a relay to a server with this handler."""
    server = await asyncio.start_server(handler, HERE, 0)
    relays = Relays(most)
    listener = socket.create_server((HERE, 0))
    front = await relays.serve(listener, *server.sockets[0].getsockname())
    try:
        yield listener.getsockname()
    finally:
        front.close()
        relays.close()
        server.close()
        await asyncio.sleep(0.02)  # transports close a turn later


async def test_everything_is_passed_on_and_a_half_that_is_closed_closes_only_itself() -> None:
    sent = bytes(range(256)) * 40_000
    async with relayed(_echo) as place:
        reader, writer = await asyncio.open_connection(*place)
        writer.write(sent)
        writer.write_eof()
        assert await asyncio.wait_for(reader.read(), 10) == sent
        writer.close()


async def test_a_server_that_stops_sending_can_still_be_sent_to() -> None:
    received: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def stop_sending(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"bye")
        writer.write_eof()
        received.set_result(await reader.read())
        writer.close()

    async with relayed(stop_sending) as place:
        reader, writer = await asyncio.open_connection(*place)
        assert await asyncio.wait_for(reader.read(), 5) == b"bye"
        writer.write(b"still here")
        await asyncio.sleep(0.02)
        writer.write(b", and now not")
        writer.write_eof()
        assert await asyncio.wait_for(received, 5) == b"still here, and now not"
        writer.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def test_a_reset_by_the_server_reaches_the_client() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        _reset(writer)

    async with relayed(refuse) as place:
        reader, writer = await asyncio.open_connection(*place)
        writer.write(b"x")
        with pytest.raises(ConnectionResetError):
            await asyncio.wait_for(reader.read(), 5)
        writer.close()


async def test_a_reset_by_the_client_reaches_the_server() -> None:
    ended: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read()
        except ConnectionResetError as error:
            ended.set_result(error)
        else:
            ended.set_result(None)
        writer.close()

    async with relayed(listen) as place:
        _, writer = await asyncio.open_connection(*place)
        writer.write(b"x")
        await asyncio.sleep(0.02)
        _reset(writer)
        assert isinstance(await asyncio.wait_for(ended, 5), ConnectionResetError)


async def test_where_nobody_listens_the_client_is_reset() -> None:
    with socket.create_server((HERE, 0)) as nobody:
        target = nobody.getsockname()
    listener = socket.create_server((HERE, 0))
    front = await Relays(10).serve(listener, *target)
    reader, writer = await asyncio.open_connection(*listener.getsockname())
    with pytest.raises(ConnectionResetError):
        await asyncio.wait_for(reader.read(), 5)
    writer.close()
    front.close()
    await asyncio.sleep(0.02)


async def test_a_client_that_does_not_read_holds_up_its_server_and_no_memory() -> None:
    written = 0

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        try:
            while True:
                writer.write(bytes(65_536))
                await writer.drain()
                written += 65_536
        except ConnectionError:
            writer.close()

    async with relayed(pour) as place:
        client = socket.create_connection(place)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await asyncio.sleep(0.2)
        before = written
        await asyncio.sleep(0.1)
        assert written == before < 50_000_000
        client.close()


async def test_there_are_no_more_than_so_many_and_a_place_is_free_again_afterwards() -> None:
    async with relayed(_echo, most=2) as place:
        pairs = [await asyncio.open_connection(*place) for _ in range(2)]
        await asyncio.sleep(0.02)
        reader, third = await asyncio.open_connection(*place)
        with pytest.raises(ConnectionResetError):
            await asyncio.wait_for(reader.read(), 5)
        third.close()
        pairs[0][1].write_eof()
        assert await asyncio.wait_for(pairs[0][0].read(), 5) == b""
        pairs[0][1].close()
        await asyncio.sleep(0.02)
        reader, fourth = await asyncio.open_connection(*place)
        fourth.write(b"hello")
        fourth.write_eof()
        assert await asyncio.wait_for(reader.read(), 5) == b"hello"
        for writer in (fourth, pairs[1][1]):
            writer.close()


async def test_many_at_once() -> None:
    async def ask(place: tuple[str, int], number: int) -> bytes:
        reader, writer = await asyncio.open_connection(*place)
        writer.write(b"%d" % number)
        writer.write_eof()
        answer = await reader.read()
        writer.close()
        return answer

    async with relayed(_echo, most=200) as place:
        answers = await asyncio.gather(*(ask(place, number) for number in range(80)))
    assert answers == [b"%d" % number for number in range(80)]
