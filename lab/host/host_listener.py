"""The one process of a lab in the host's network: opens sockets there, and hands them to the supervisor.

A program of its own (`python host_listener.py DESCRIPTOR`; more arguments only name it in process lists) that
imports little and keeps no state: the sockets are the supervisor's. It ends when the supervisor's end of the
channel is closed, which the kernel does however the lab ends; in turn, a supervisor that loses its host
listener ends.

Messages are JSON over a SOCK_SEQPACKET socket pair, each answered by one. `{"listen": [ADDRESS, PORT]}`
gives `{"errno": 0}` with a listening TCP socket, or the error. `{"claim": true}` gives `{"address": A}` with
a descriptor: as long as it is open no other lab is given this address.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import sys
from collections.abc import Mapping

BACKLOG = 128
_MESSAGE_LIMIT = 4096

_LOOPBACK = 127


def main(channel: socket.socket) -> None:
    """Answers requests until the other end is closed."""
    while message := _receive(channel):
        request = json.loads(message)
        if "claim" in request:
            address, claim = claimed()
            _answer(channel, {"address": address}, claim)
        else:
            address, port = request["listen"]
            try:
                listener = listening(address, port)
            except OSError as error:
                _answer(channel, {"errno": error.errno or errno.EIO}, None)
            else:
                _answer(channel, {"errno": 0}, listener)


def listening(address: str, port: int) -> socket.socket:
    """A listening socket. Raises OSError; EACCES also for an address that other hosts could reach."""
    if socket.inet_aton(address)[0] != _LOOPBACK:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), address)
    return socket.create_server((address, port), backlog=BACKLOG)


def claimed() -> tuple[str, socket.socket]:
    """An address that no other lab of this host has, and the socket that reserves it while open.

    An abstract Unix socket's name belongs to the network namespace, as the address does.
    """
    while True:
        second, third, fourth = os.urandom(3)
        # 127.0 is taken: 127.0.0.1 itself, a name server at 127.0.0.53, often the host's name at 127.0.1.1.
        if second == 0 or fourth in (0, 255):
            continue
        address = f"{_LOOPBACK}.{second}.{third}.{fourth}"
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            claim.bind(f"\0mesh-lab/{address}")
        except OSError as error:
            claim.close()
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            return address, claim


def _receive(channel: socket.socket) -> bytes:
    try:
        return channel.recv(_MESSAGE_LIMIT)
    except ConnectionResetError:
        return b""


def _answer(channel: socket.socket, answer: Mapping[str, object], given: socket.socket | None) -> None:
    try:
        socket.send_fds(channel, [json.dumps(answer).encode()], [given.fileno()] if given else [])
    except (BrokenPipeError, ConnectionResetError):
        return  # the lab is ending; the next message is its end
    finally:
        if given is not None:
            given.close()


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
