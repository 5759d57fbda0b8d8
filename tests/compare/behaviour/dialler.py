"""A client in a pod: a line of JSON with requests comes in, a line with what became of each goes out.

Standard library only. A request is [host, port, method, path, headers]. What became of it is
{"status": 200, "headers": {...}, "body": "..."}, or {"exit": N} with curl's exit code for such an end.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from typing import Any

LIMIT_S = 5.0
AT_ONCE = 32

NO_ADDRESS, NO_CONNECTION, TIMED_OUT, NO_ANSWER, BROKEN_OFF = 6, 7, 28, 52, 56

Result = dict[str, Any]


async def dial(host: str, port: int, method: str, path: str, headers: dict[str, str]) -> Result:
    """One request on a connection of its own."""
    try:
        async with asyncio.timeout(LIMIT_S):
            try:
                reader, writer = await asyncio.open_connection(host, port)
            except socket.gaierror:
                return {"exit": NO_ADDRESS}
            except OSError:
                return {"exit": NO_CONNECTION}
            try:
                lines = {"host": f"{host}:{port}", "connection": "close", "content-length": "0", **headers}
                head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
                writer.write(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode())
                return await _answer(reader, method)
            except asyncio.IncompleteReadError as broken:
                return {"exit": BROKEN_OFF if broken.partial else NO_ANSWER}
            except OSError:
                return {"exit": BROKEN_OFF}
            finally:
                writer.close()
    except TimeoutError:
        return {"exit": TIMED_OUT}


async def _answer(reader: asyncio.StreamReader, method: str) -> Result:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = b""
    if method == "HEAD":
        pass
    elif headers.get("transfer-encoding") == "chunked":
        while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
            body += (await reader.readexactly(size + 2))[:-2]
    elif "content-length" in headers:
        body = await reader.readexactly(int(headers["content-length"]))
    else:
        body = await reader.read()
    return {"status": int(first.split(" ")[1]), "headers": headers, "body": body.decode("latin-1")}


async def dial_all(requests: list[list[Any]]) -> list[Result]:
    """Some at a time, in whatever order; the results are in that of the requests."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(request: list[Any]) -> Result:
        async with turns:
            return await dial(*request)

    return await asyncio.gather(*map(one, requests))


if __name__ == "__main__":
    for line in sys.stdin:
        sys.stdout.write(json.dumps(asyncio.run(dial_all(json.loads(line)))) + "\n")
        sys.stdout.flush()
