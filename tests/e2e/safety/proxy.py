"""A proxy that remembers what it is asked for, as `http_proxy` and `HTTPS_PROXY` name one."""

from __future__ import annotations

import select
import socket
import socketserver
import threading
from collections import Counter
from typing import Any

HERE = "127.0.0.1"


class CountingProxy:
    """Every name that it is asked to connect to is this machine; it answers nothing else than CONNECT."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        """The first line of each request, without the protocol."""
        self.credentials: set[str] = set()
        proxy = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                line = self.rfile.readline().decode().rpartition(" ")[0]
                fields = (field.decode().partition(": ") for field in iter(self.rfile.readline, b"\r\n"))
                headers = {name.lower(): value.strip() for name, _, value in fields}
                proxy.asked[line] += 1
                proxy.credentials.add(headers.get("proxy-authorization", ""))
                method, _, target = line.partition(" ")
                if method != "CONNECT":
                    self.wfile.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
                    return
                with socket.create_connection((HERE, int(target.rpartition(":")[2]))) as there:
                    self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                    _joined(self.connection, there)

        self._server = socketserver.ThreadingTCPServer((HERE, 0), Handler)
        self._server.daemon_threads = True

    @property
    def address(self) -> str:
        return f"{HERE}:{self._server.server_address[1]}"

    def __enter__(self) -> CountingProxy:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._server.shutdown()
        self._server.server_close()


def _joined(*ends: socket.socket) -> None:
    """Pass on bytes both ways until one end is closed."""
    other = dict(zip(ends, reversed(ends), strict=True))
    while True:
        for end in select.select(ends, [], [])[0]:
            try:
                data = end.recv(65536)
                other[end].sendall(data)
            except OSError:
                return
            if not data:
                return
