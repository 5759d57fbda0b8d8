"""A client that says precisely how it fared. A list of dials as JSON on stdin, a list of results on stdout.

A result is {"outcome": "ok", ...what the application said}, or one of `reset` (closed without a byte),
`refused-tls` (a TLS alert, or closed once the handshake had begun: a server that refuses a certificate in TLS
1.3 does so after the client is done, and its alert may be lost), `not-http` (the proxy's parser objects),
`status` (with "code" and "body").
"""

from __future__ import annotations

import hashlib
import json
import socket
import ssl
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

TIMEOUT = 5


def dial(
    host: str,
    port: int,
    say: str = "http",
    tls: bool = False,
    certificate: str = "",
    alpn: list[str] | None = None,
    headers: dict[str, str] | None = None,
    path: str = "/",
    method: str = "GET",
) -> dict[str, Any]:
    answered = False
    try:
        connection: socket.socket = socket.create_connection((host, port), timeout=TIMEOUT)
        leaf = b""
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            if certificate:
                context.load_cert_chain(certificate)
            if alpn:
                context.set_alpn_protocols(alpn)
            secured = context.wrap_socket(connection, server_hostname="anything")
            answered = True
            connection, leaf = secured, secured.getpeercert(binary_form=True) or b""
        if say == "http":
            lines = {"host": f"{host}:{port}", "connection": "close", **(headers or {})}
            head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
            connection.sendall(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode())
        else:
            connection.sendall(b"HELLO neither HTTP nor TLS\n")
        received = b""
        while piece := connection.recv(65536):
            received += piece
            if say == "raw" and received.endswith(b"}"):
                break
            if is_whole(received):
                break
    except OSError as error:
        return {"outcome": failure(error, answered), "error": repr(error)}
    return {**verdict(received), "leaf": hashlib.sha256(leaf).hexdigest() if leaf else ""}


def failure(error: OSError, answered: bool) -> str:
    if "WRONG_VERSION" in str(error):
        return "not-http"
    closed = not isinstance(error, ssl.SSLError) or isinstance(error, ssl.SSLEOFError)
    return "reset" if closed and not answered else "refused-tls"


def is_whole(received: bytes) -> bool:
    """Whether an answer in HTTP has come as far as it says. The connection may be closed only later."""
    head, _, body = received.partition(b"\r\n\r\n")
    stated = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length: ")]
    return bool(stated) and len(body) >= int(stated[0].partition(b": ")[2])


def verdict(received: bytes) -> dict[str, Any]:
    if not received:
        return {"outcome": "reset", "error": "closed"}
    if not received.startswith(b"HTTP/1.1"):
        return {"outcome": "ok", **json.loads(received)}
    head, _, body = received.partition(b"\r\n\r\n")
    code = int(head.split()[1])
    answer = dict(line.partition(": ")[::2] for line in head.decode().split("\r\n")[1:])
    if code == 400:
        return {"outcome": "not-http"}
    if code != 200:
        return {"outcome": "status", "code": code, "answer": answer, "body": body.decode(errors="replace")}
    if answer.get("transfer-encoding") == "chunked":
        body = body.split(b"\r\n")[1]
    return {"outcome": "ok", "code": code, "answer": answer, **json.loads(body)}


if __name__ == "__main__":
    with ThreadPoolExecutor(8) as pool:
        dials = json.load(sys.stdin)
        json.dump(list(pool.map(lambda each: dial(**each), dials)), sys.stdout)
