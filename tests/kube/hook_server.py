"""A webhook server of a test's own, over HTTPS: answers as the test says, and remembers what it was asked."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from aiohttp import web

from lab.kube.identity.pki import Credentials

Reply = dict[str, Any] | web.Response
Behaviour = Callable[[dict[str, Any]], Reply | Awaitable[Reply]]
ADDRESS = "127.0.0.77"
NAMES = ("hook.default.svc", "hook")


def allowed(**more: Any) -> dict[str, Any]:
    return {"allowed": True, **more}


def patched(*operations: dict[str, Any], **more: Any) -> dict[str, Any]:
    patch = base64.b64encode(json.dumps(operations).encode()).decode()
    return allowed(patch=patch, patchType="JSONPatch", **more)


def denied(message: str = "", **status: Any) -> dict[str, Any]:
    return {"allowed": False, "status": {"message": message, **status}}


class HookServer:
    """Its paths are the names of behaviours."""

    def __init__(self) -> None:
        self._credentials = Credentials.new(list(NAMES), [ADDRESS])
        self._loop = asyncio.new_event_loop()
        self._behaviours: dict[str, Behaviour] = {}
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.port = 0

    @property
    def ca_bundle(self) -> str:
        return base64.b64encode(self._credentials.ca_certificate.encode()).decode()

    def url(self, path: str) -> str:
        return f"https://{ADDRESS}:{self.port}/{path}"

    def on(self, path: str, behaviour: Behaviour) -> None:
        self._behaviours[path] = behaviour

    def requests(self, path: str) -> list[dict[str, Any]]:
        """What was asked at a path, oldest first."""
        return [review["request"] for at, review in self.asked if at == path]

    async def _answer(self, request: web.Request) -> web.Response:
        path, review = request.path[1:], await request.json()
        self.asked.append((path, review))
        reply: Any = self._behaviours[path](review["request"])
        if asyncio.iscoroutine(reply):
            reply = await reply
        if isinstance(reply, web.Response):
            return reply
        response = {"uid": review["request"]["uid"], **reply}
        return web.json_response(
            {**{key: review[key] for key in ("apiVersion", "kind")}, "response": response}
        )

    @contextlib.contextmanager
    def serving(self) -> Iterator[HookServer]:
        listener = socket.create_server((ADDRESS, 0))
        self.port = listener.getsockname()[1]

        async def start() -> web.ServerRunner:
            runner = web.ServerRunner(web.Server(self._answer), shutdown_timeout=0.1)  # type: ignore[arg-type]
            await runner.setup()
            await web.SockSite(runner, listener, ssl_context=self._credentials.server_context()).start()
            return runner

        thread = threading.Thread(target=self._loop.run_forever)
        thread.start()
        try:
            runner = asyncio.run_coroutine_threadsafe(start(), self._loop).result(5)
            yield self
            asyncio.run_coroutine_threadsafe(runner.cleanup(), self._loop).result(5)
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join(5)
            self._loop.close()
