"""Upgrading a request to a WebSocket with one of the sub-protocols that its handler speaks."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from lab.kube.errors import bad_request

#: Bytes in one message of a client; kubectl sends 32 KiB, the Python client whatever it is given.
LARGEST_MESSAGE = 32 * 1024 * 1024
#: Seconds that a client has for its half of the closing handshake.
CLOSING = 1.0


async def accept(request: web.BaseRequest, protocols: Sequence[str], hint: str) -> web.WebSocketResponse:
    """Raises ApiError 400 for a client that supports none of them; `hint` says which kubectl does."""
    if "spdy" in request.headers.get("Upgrade", "").lower():
        raise bad_request(f"SPDY is not supported by this server; use WebSockets ({hint})")
    socket = web.WebSocketResponse(
        protocols=tuple(protocols), compress=False, max_msg_size=LARGEST_MESSAGE, timeout=CLOSING
    )
    offer = socket.can_prepare(request)
    if not offer.ok:
        raise bad_request("Upgrade request required")
    if offer.protocol is None:
        offered = request.headers.get("Sec-WebSocket-Protocol", "")
        raise bad_request(
            f"unable to upgrade: unable to negotiate protocol: client supports [{offered}], "
            f"server accepts [{' '.join(protocols)}]"
        )
    await socket.prepare(request)
    return socket
