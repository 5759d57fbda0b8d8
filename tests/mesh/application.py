"""An application that says what reached it: HTTP headers, raw bytes, or TLS that it had to speak itself."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import sys
import threading


def answer(connection: socket.socket, context: ssl.SSLContext) -> None:
    with contextlib.suppress(OSError), connection:
        tls = connection.recv(1, socket.MSG_PEEK) == b"\x16"
        stream = context.wrap_socket(connection, server_side=True) if tls else connection
        received = b""
        while True:
            received += stream.recv(65536)
            http = b" HTTP/1.1\r\n" in received
            if http and b"\r\n\r\n" not in received:
                continue
            break
        said: dict[str, object] = {"tls": tls}
        if http:
            request, *lines = received.decode().split("\r\n")[:-2]
            said["path"] = request.split(" ")[1]
            said["headers"] = {
                name.lower(): value for name, _, value in (line.partition(": ") for line in lines)
            }
            body = json.dumps(said).encode()
            head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
            stream.sendall(head.encode() + body)
        else:
            said["raw"] = received.decode(errors="replace")
            stream.sendall(json.dumps(said).encode())
        stream.close()


def main(certificate: str, key: str, *ports: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def serve(port: int) -> None:
        listener = socket.create_server(("0.0.0.0", port), backlog=128)
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=answer, args=(connection, context), daemon=True).start()

    threads = [threading.Thread(target=serve, args=(int(port),)) for port in ports]
    for thread in threads:
        thread.start()
    # While the main thread lives: a Python that begins to end (3.12) starts no threads any more.
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main(*sys.argv[1:])
