"""The httpbin of the lab by itself, without a node around it."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.node.images import apps

PROGRAM = Path(apps.__file__).with_name("serve_httpbin.py")

AT_ONCE = 64
"""More connections than a round opens to one httpbin."""


@pytest.fixture
def address() -> tuple[str, int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address: tuple[str, int] = listener.getsockname()
        return address


@pytest.fixture
def server(address: tuple[str, int]) -> Iterator[subprocess.Popen[str]]:
    """httpbin, once its port is open."""
    host, port = address
    command = [sys.executable, "-P", str(PROGRAM), "--bind", f"{host}:{port}"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr
    assert any(line.startswith("listening on") for line in process.stderr)
    yield process
    process.send_signal(signal.SIGCONT)
    process.terminate()
    process.communicate(timeout=10)


def test_connections_that_come_at_once_are_not_dropped(
    server: subprocess.Popen[str], address: tuple[str, int]
) -> None:
    # It can take none of them up meanwhile, as when the processor has other things to do.
    server.send_signal(signal.SIGSTOP)
    with contextlib.ExitStack() as stack:
        for _ in range(AT_ONCE):
            stack.enter_context(socket.create_connection(address, timeout=0.5))
