"""An API server in front of a lab's that enforces role-based access control, which the lab's own does not."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from functools import partial
from pathlib import Path

import yaml
from aiohttp import ClientSession, ClientWebSocketResponse, TCPConnector, WSMsgType, web

from lab.kube.identity.pki import Credentials
from tests.e2e.elsewhere.rights import Need, Right, need_of

HOST = "127.0.0.1"
EXEC_PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
APPLY = "application/apply-patch+yaml"

# Of one hop only, or computed anew.
_OF_ONE_HOP = {"host", "connection", "transfer-encoding", "content-length", "content-encoding"}


class Gatekeeper:
    """Passes on what the rights cover, answers anything else with 403, and remembers both."""

    def __init__(self, kubeconfig: Path, folder: Path, rights: Sequence[Right]) -> None:
        cluster = yaml.safe_load(kubeconfig.read_text())["clusters"][0]["cluster"]
        self._server: str = cluster["server"]
        self._rights = rights
        self._credentials = Credentials.new([], [HOST])
        self.certificate = folder / "ca.crt"
        self.certificate.write_text(self._credentials.ca_certificate)
        self.port = 0
        self.used: set[Right] = set()
        self.denied: set[Need] = set()

    @contextlib.contextmanager
    def running(self) -> Iterator[Gatekeeper]:
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, daemon=True)
        thread.start()
        try:
            stop = asyncio.run_coroutine_threadsafe(self._start(), loop).result(10)
            yield self
            asyncio.run_coroutine_threadsafe(stop(), loop).result(10)
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(10)
            loop.close()

    async def _start(self) -> Callable[[], Coroutine[None, None, None]]:
        trusted = ssl.create_default_context()
        trusted.check_hostname = False
        trusted.verify_mode = ssl.CERT_NONE
        session = ClientSession(connector=TCPConnector(ssl=trusted, limit=0), auto_decompress=False)
        application = web.Application(client_max_size=2**24)
        application.router.add_route("*", "/{path:.*}", partial(self._answer, session))
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
        await runner.setup()
        site = web.TCPSite(runner, HOST, 0, ssl_context=self._credentials.server_context())
        await site.start()
        self.port = runner.addresses[0][1]

        async def stop() -> None:
            await runner.cleanup()
            await session.close()

        return stop

    def _allows(self, need: Need) -> bool:
        covering = [right for right in self._rights if right.covers(need)]
        self.used.update(covering)
        return bool(covering)

    async def _answer(self, session: ClientSession, request: web.Request) -> web.StreamResponse:
        if request.path == REVIEWS:
            return self._review((await request.json())["spec"]["resourceAttributes"])
        need = need_of(request.method, request.path, request.query)
        needs = [need] if need else []
        if need and request.content_type == APPLY:
            # What an apply may find missing, it creates.
            needs.append(Need("create", need.group, need.resource, need.namespace))
        missing = [need for need in needs if not self._allows(need)]
        if missing:
            self.denied.update(missing)
            status = {"kind": "Status", "code": 403, "message": f"forbidden: {missing}"}
            return web.json_response(status, status=403)
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._bridged(request, session)
        return await self._passed_on(request, session)

    def _review(self, asked: dict[str, str]) -> web.Response:
        """Only rights without names answer a question without a name, as in Kubernetes."""
        subresource = f"/{asked['subresource']}" if asked.get("subresource") else ""
        need = Need(
            asked["verb"],
            asked["group"],
            asked["resource"] + subresource,
            asked.get("namespace", ""),
            asked.get("name", ""),
        )
        allowed = any(right.covers(need) for right in self._rights)
        return web.json_response({"spec": {}, "status": {"allowed": allowed}}, status=201)

    async def _passed_on(self, request: web.Request, session: ClientSession) -> web.StreamResponse:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _OF_ONE_HOP}
        url = self._server + request.raw_path
        async with session.request(
            request.method, url, headers=headers, data=await request.read() or None
        ) as answer:
            response = web.StreamResponse(status=answer.status, headers={"Content-Type": answer.content_type})
            await response.prepare(request)
            # Who has seen enough of a watch goes away.
            with contextlib.suppress(ConnectionResetError):
                async for chunk in answer.content.iter_any():
                    await response.write(chunk)
                await response.write_eof()
            return response

    async def _bridged(self, request: web.Request, session: ClientSession) -> web.StreamResponse:
        here = web.WebSocketResponse(protocols=EXEC_PROTOCOLS)
        await here.prepare(request)
        headers = {"Authorization": request.headers["Authorization"]}
        url = self._server + request.raw_path
        async with session.ws_connect(url, protocols=[here.ws_protocol or ""], headers=headers) as there:
            ends = [asyncio.create_task(_pump(*pair)) for pair in ((here, there), (there, here))]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            for end in ends:
                end.cancel()
        return here


Socket = web.WebSocketResponse | ClientWebSocketResponse


async def _pump(source: Socket, sink: Socket) -> None:
    async for message in source:
        if message.type == WSMsgType.BINARY:
            await sink.send_bytes(message.data)
        elif message.type == WSMsgType.TEXT:
            await sink.send_str(message.data)
    await sink.close()
