"""Ports of the host: sockets in its network, which the lab's host listener opens for the supervisor."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import socket
from collections.abc import Mapping
from typing import TypedDict

LOCALHOST = "127.0.0.1"

# The host listener does next to nothing; one that does not answer in this time is stopped or dead.
_PATIENCE_S = 5.0
_MESSAGE_LIMIT = 4096


class Answer(TypedDict, total=False):
    """The host listener's answer: `errno` for `listen`, `address` for `claim`."""

    errno: int
    address: str


class HostListenerGone(Exception):
    """The process in the host's network has ended, so nothing can be reached from there any more."""


class HostPorts:
    """The supervisor's end of the channel to the host listener.

    Asking blocks: an answer takes some ten microseconds, and what is asked for is rare.
    """

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        channel.settimeout(_PATIENCE_S)

    def listen(self, address: str, port: int) -> socket.socket:
        """A listening socket on an address of 127.0.0.0/8. Raises OSError, HostListenerGone."""
        answer, given = self._ask({"listen": [address, port]})
        if answer["errno"]:
            raise OSError(answer["errno"], os.strerror(answer["errno"]))
        if not given:  # the kernel drops a descriptor that this process has no room for
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return socket.socket(fileno=given[0])

    def can_listen(self, address: str, port: int) -> bool:
        """Whether `listen` would succeed now. Raises HostListenerGone."""
        try:
            self.listen(address, port).close()
        except OSError:
            return False
        return True

    def node_port_is_free(self, port: int) -> bool:
        """Whether a service could have this node port. Raises HostListenerGone."""
        return self.can_listen(LOCALHOST, port)

    def claim(self) -> tuple[str, int]:
        """An address in 127.0.0.0/8 that is this lab's alone while the descriptor is open."""
        answer, given = self._ask({"claim": True})
        return answer["address"], given[0]

    async def until_gone(self) -> None:
        """Raises HostListenerGone when the host listener ends."""
        loop = asyncio.get_running_loop()
        gone: asyncio.Future[None] = loop.create_future()

        def look() -> None:
            if not gone.done() and not self._channel.recv(1, socket.MSG_PEEK):
                gone.set_result(None)

        loop.add_reader(self._channel.fileno(), look)
        try:
            await gone
        finally:
            loop.remove_reader(self._channel.fileno())
        raise HostListenerGone("the lab's process in the host's network has ended")

    def _ask(self, request: Mapping[str, object]) -> tuple[Answer, list[int]]:
        try:
            self._channel.send(json.dumps(request).encode())
            message, given, _, _ = socket.recv_fds(self._channel, _MESSAGE_LIMIT, 1)
        except OSError as error:
            raise HostListenerGone(
                f"the lab's process in the host's network does not answer: {error}"
            ) from error
        if not message:
            raise HostListenerGone("the lab's process in the host's network has ended")
        for fd in given:
            os.set_inheritable(fd, False)
        return json.loads(message), given
