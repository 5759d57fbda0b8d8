"""The interface for serving the API on sockets."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Protocol, runtime_checkable


@runtime_checkable
class Serving(Protocol):
    """Serves on sockets that the caller has bound, until it is stopped."""

    async def start(self, sockets: Sequence[socket.socket]) -> None: ...

    async def stop(self) -> None: ...
