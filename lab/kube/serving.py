"""What it is to serve the API, without the server that does it."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Protocol, runtime_checkable


@runtime_checkable
class Serving(Protocol):
    """Answers on sockets that the caller has bound, until it is stopped."""

    async def start(self, sockets: Sequence[socket.socket]) -> None: ...

    async def stop(self) -> None: ...
