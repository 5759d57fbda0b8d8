"""An application that answers every request with what it was sent, as JSON.

Standard library only: it runs in pods.

python echo.py PORT...
"""

from __future__ import annotations

import asyncio
import json
import sys

LONGEST_HEAD = 65536


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection, of any number of requests; what is no HTTP ends it."""
    try:
        while True:
            if not (begin := await reader.readexactly(1)).isalpha():
                break
            head = (begin + await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.split("\r\n")[:-2]
            method, path, version = first.split(" ")
            headers = [line.partition(":")[::2] for line in lines]
            length = next((int(value) for name, value in headers if name.lower() == "content-length"), 0)
            await reader.readexactly(length)
            said = {"method": method, "path": path, "headers": [[n.lower(), v.strip()] for n, v in headers]}
            body = json.dumps(said).encode()
            answer_head = (
                f"{version} 200 OK",
                "content-type: application/json",
                f"content-length: {len(body)}",
            )
            writer.write("\r\n".join((*answer_head, "", "")).encode())
            writer.write(b"" if method == "HEAD" else body)
            await writer.drain()
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError, OSError):
        pass
    finally:
        writer.close()


async def main(*ports: str) -> None:
    servers = [
        await asyncio.start_server(answer, "0.0.0.0", int(port), limit=LONGEST_HEAD, backlog=512)
        for port in ports
    ]
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
