"""Serves httpbin on one or more addresses, and reports when the ports are open.

Not by gunicorn or waitress: of the servers tried, cheroot was as quick to start as any, small, and answers
a TLS client's greeting at once (waitress keeps such a client waiting for ever; a mesh must see a refusal).
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from _typeshed import OptExcInfo

# httpbin says at each start that its description of itself, which nobody asks for, is not installed.
logging.getLogger("httpbin.core").setLevel(logging.ERROR)

from cheroot.wsgi import Server  # noqa: E402
from httpbin import app  # noqa: E402

_READY_DESCRIPTOR = 3
_THREADS = 8
_BACKLOG = 2048
"""As gunicorn has it. Of cheroot's own 5 a proxy that opens a dozen connections at once has some dropped, and
its kernel tries them again only a second later."""

# Fields of an answer that the Go program gives as lists, because a header or argument may occur twice.
_LISTED = ("headers", "args", "form", "files")


def with_lists(application: WSGIApplication) -> WSGIApplication:
    """httpbin with the responses of the Go program of that name: header and argument values are lists."""

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        started: list[tuple[str, list[tuple[str, str]], OptExcInfo | None]] = []

        def hold(
            status: str, headers: list[tuple[str, str]], exc_info: OptExcInfo | None = None, /
        ) -> Callable[[bytes], object]:
            started[:] = [(status, headers, exc_info)]
            return lambda _data: None

        body = application(environ, hold)
        ((status, headers, exc_info),) = started
        if dict(headers).get("Content-Type") == "application/json":
            content = _listed(b"".join(body))
            if hasattr(body, "close"):
                body.close()
            headers = [(k, str(len(content)) if k.lower() == "content-length" else v) for k, v in headers]
            body = [content]
        start_response(status, headers, exc_info) if exc_info else start_response(status, headers)
        return body

    return answer


def _listed(body: bytes) -> bytes:
    try:
        answer = json.loads(body)
    except ValueError:
        return body
    if not isinstance(answer, dict):
        return body
    for field in _LISTED:
        if isinstance(values := answer.get(field), dict):
            answer[field] = {k: v if isinstance(v, list) else [v] for k, v in values.items()}
    return json.dumps(answer, indent=2).encode() + b"\n"


def _server(bind: str, application: WSGIApplication) -> Server:
    """One that listens already; ``[::]`` means IPv4 as well, where the machine can do that."""
    host, _, port = bind.rpartition(":")
    host = host.strip("[]") or "0.0.0.0"
    if host == "::" and not socket.has_dualstack_ipv6():
        host = "0.0.0.0"
    server = Server((host, int(port)), application, numthreads=_THREADS, request_queue_size=_BACKLOG)
    server.prepare()
    return server


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "--bind", required=True, action="append", help="ADDRESS:PORT; no address means all. Can be repeated"
    )
    parser.add_argument("--lists", action="store_true", help="answer as go-httpbin does")
    options = parser.parse_args()
    application = with_lists(app.wsgi_app) if options.lists else app.wsgi_app
    servers = [_server(bind, application) for bind in options.bind]
    # Not by an exception: raised where the server just drops a connection, it would be lost.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    try:
        os.write(_READY_DESCRIPTOR, b"1")
        os.close(_READY_DESCRIPTOR)
    except OSError:
        sys.stderr.write("nobody waits for readiness\n")
    sys.stderr.write(f"listening on {', '.join(options.bind)}\n")
    first, *others = servers
    for server in others:
        threading.Thread(target=server.serve, daemon=True).start()
    try:
        first.serve()
    finally:
        for server in servers:
            server.stop()


if __name__ == "__main__":
    main()
