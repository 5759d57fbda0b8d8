"""The programs that run in pods: the application, and the client that asks it."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.compare.behaviour import dialler, echo

HEADERS = {"x-team": "blue"}


@pytest.fixture
async def port() -> int:
    server = await asyncio.start_server(echo.answer, "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    return port


async def test_the_application_says_what_it_was_sent(port: int) -> None:
    [result] = await dialler.dial_all([["127.0.0.1", port, "PATCH", "/a?b#c", HEADERS]])
    said = json.loads(result["body"])
    assert (result["status"], said["method"], said["path"]) == (200, "PATCH", "/a?b#c")
    assert ["x-team", "blue"] in said["headers"]


async def test_an_answer_to_head_has_no_body(port: int) -> None:
    [result] = await dialler.dial_all([["127.0.0.1", port, "HEAD", "/", {}]])
    assert (result["status"], result["body"]) == (200, "")


async def test_what_is_no_http_is_answered_with_the_end(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"\x16\x03\x01")
    assert await reader.read() == b""
    writer.close()


async def end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, said: bytes) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(said)
    writer.close()


@pytest.mark.parametrize(("said", "code"), [(b"", 52), (b"HTTP/1.1 200 OK\r\n", 56)])
async def test_ends_are_told_as_curl_tells_them(said: bytes, code: int) -> None:
    server = await asyncio.start_server(lambda reader, writer: end(reader, writer, said), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    assert await dialler.dial("127.0.0.1", port, "GET", "/", {}) == {"exit": code}
    server.close()
    assert await dialler.dial("127.0.0.1", port, "GET", "/", {}) == {"exit": 7}
