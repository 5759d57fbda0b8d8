"""The HTTP server: TLS, authentication, routing, and limits for clients."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Sequence

from aiohttp import web

from lab.kube import errors
from lab.kube.api import discovery
from lab.kube.api.handlers import Call, Handlers
from lab.kube.api.negotiation import negotiate
from lab.kube.api.openapi import OpenApi
from lab.kube.api.queries import flag
from lab.kube.api.render import json_answer
from lab.kube.api.routes import route, segments
from lab.kube.errors import ApiError
from lab.kube.identity.auth import Authenticator
from lab.kube.identity.impersonation import acting
from lab.kube.identity.pki import Credentials
from lab.kube.kinds.scheme import Scheme
from lab.kube.runtime import Runtime
from lab.kube.writing.writes import Writes

log = logging.getLogger(__name__)

MAX_CONNECTIONS, MAX_WATCHES = 1_000, 500
# Seconds: for a TLS handshake, for the first request of a connection, and for open requests at the end.
HANDSHAKE_TIMEOUT, FIRST_REQUEST_TIMEOUT, SHUTDOWN_TIMEOUT = 5.0, 10.0, 1.0
KEEP_ALIVE = 75.0
VERSION = {
    "major": "1",
    "minor": "32",
    "gitVersion": "v1.32.4",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "2025-04-22T00:00:00Z",
    "goVersion": "go1.23",
    "compiler": "gc",
    "platform": "linux/amd64",
}
# kubectl checks a `kind: List` against OpenAPI v2 alone, and only in this form. A document without
# definitions (zero bytes) makes it leave the checking to the server, which does it anyway.
OPENAPI_V2 = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
_HEALTH = ("healthz", "livez", "readyz")
_ROOT_PATHS = ["/.well-known/openid-configuration", "/api", "/apis", "/healthz", "/livez", "/openapi/v3"]
_ROOT_PATHS += ["/openid/v1/jwks", "/readyz", "/version"]


class ApiServer:
    """Serves a store on sockets that the caller has bound."""

    def __init__(self, objects: Writes, scheme: Scheme, runtime: Runtime, credentials: Credentials) -> None:
        self._scheme = scheme
        self._credentials = credentials
        self._authenticator = Authenticator(credentials, objects.store)
        self._handlers = Handlers(objects, self._authenticator, runtime)
        self._openapi = OpenApi(scheme)
        self._watches = 0
        self._http: web.Server | None = None
        self._servers: list[asyncio.Server] = []
        # The deadlines of connections that have not yet sent a whole request header.
        self._silent: dict[asyncio.BaseProtocol, asyncio.TimerHandle] = {}

    async def start(self, sockets: Sequence[socket.socket]) -> None:
        """Listens with TLS on sockets that are already bound."""
        loop = asyncio.get_running_loop()
        self._http = web.Server(
            self._handle, handler_cancellation=True, access_log=None, keepalive_timeout=KEEP_ALIVE
        )
        context = self._credentials.server_context()
        for listener in sockets:
            listener.setblocking(False)
            server = await loop.create_server(
                self._accept(self._http, loop),
                sock=listener,
                ssl=context,
                ssl_handshake_timeout=HANDSHAKE_TIMEOUT,
                ssl_shutdown_timeout=SHUTDOWN_TIMEOUT,
                backlog=256,
            )
            self._servers.append(server)

    async def stop(self) -> None:
        """Stops listening and ends open requests."""
        for server in self._servers:
            server.close()
        for deadline in self._silent.values():
            deadline.cancel()
        self._silent.clear()
        if self._http is not None:
            self._http.pre_shutdown()
            await self._http.shutdown(SHUTDOWN_TIMEOUT)
        self._servers.clear()

    def _accept(
        self, http: web.Server, loop: asyncio.AbstractEventLoop
    ) -> Callable[[], asyncio.BaseProtocol]:
        def accept() -> asyncio.BaseProtocol:
            if len(http.connections) >= MAX_CONNECTIONS:
                return _Refusal()
            protocol = http()
            deadline = loop.call_later(FIRST_REQUEST_TIMEOUT, self._close_silent, protocol)
            self._silent[protocol] = deadline
            return protocol

        return accept

    def _close_silent(self, protocol: web.RequestHandler) -> None:
        """aiohttp waits forever for the first request of a connection."""
        del self._silent[protocol]
        if protocol.transport is not None:
            protocol.transport.abort()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if deadline := self._silent.pop(request.protocol, None):
            deadline.cancel()
        try:
            return await self._answer(request)
        except ApiError as error:
            return json_answer(error.status(), error.code, headers=error.headers)
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Exception:
            # The client learns that something broke; what it was belongs into the log.
            log.exception("%s %s failed", request.method, request.rel_url.raw_path)
            internal = errors.internal()
            return json_answer(internal.status(), internal.code)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        parts = segments(request.rel_url.raw_path)
        user = self._authenticator.authenticate(request.headers.get("Authorization"))
        user = acting(user, request.headers, request.headers.getall("Impersonate-Group", ()))
        self._authenticator.authorize(user, request.method, "/" + "/".join(parts), request.query)
        if (parts[0] == "api" and len(parts) > 2) or (parts[0] == "apis" and len(parts) > 3):
            call = Call(request, route(parts, self._scheme), user)
            if request.method == "GET" and not call.route.name and flag(request.query, "watch"):
                return await self._counted(call)
            return await self._handlers.answer(call)
        if request.method not in ("GET", "HEAD"):
            raise errors.method_not_allowed()
        return self._document(request, parts)

    async def _counted(self, call: Call) -> web.StreamResponse:
        if self._watches >= MAX_WATCHES:
            message = "too many watches, please try again later"
            raise ApiError(429, "TooManyRequests", message, headers={"Retry-After": "1"})
        self._watches += 1
        try:
            return await self._handlers.answer(call)
        finally:
            self._watches -= 1

    def _document(self, request: web.BaseRequest, parts: list[str]) -> web.Response:
        """Discovery, OpenAPI, health and other paths without objects. Raises a 404."""
        match parts:
            case [""]:
                return json_answer({"paths": _ROOT_PATHS})
            case [health, *_] if health in _HEALTH and len(parts) <= 2:
                return web.Response(text="ok")
            case ["version"]:
                return json_answer(VERSION)
            case ["openid", "v1", "jwks"]:
                return json_answer(
                    self._authenticator.tokens.key_set(), content_type="application/jwk-set+json"
                )
            case [".well-known", "openid-configuration"]:
                return json_answer(self._authenticator.tokens.discovery())
            case ["api" | "apis"]:
                return self._groups(request, core=parts[0] == "api")
            case ["api", version]:
                return json_answer(discovery.resource_list(self._scheme, "", version))
            case ["apis", group]:
                return json_answer(discovery.group(self._scheme, group))
            case ["apis", group, version]:
                return json_answer(discovery.resource_list(self._scheme, group, version))
            case ["openapi", "v2"] if OPENAPI_V2 in request.headers.get("Accept", ""):
                return web.Response(body=b"", content_type=OPENAPI_V2.replace("@", "."))
            case ["openapi", "v3"]:
                return json_answer(self._openapi.index())
            case ["openapi", "v3", *path]:
                return self._openapi_document(request, "/".join(path))
        raise errors.no_such_path()

    def _groups(self, request: web.BaseRequest, *, core: bool) -> web.Response:
        accepted = negotiate(request.headers.get("Accept"), (discovery.AGGREGATED,))
        if accepted.shape and accepted.parameters.get("v") in ("v2", "v2beta1"):
            document, media = discovery.aggregated(self._scheme, core=core, accepted=accepted)
            return json_answer(document, content_type=media)
        return json_answer(discovery.core_versions() if core else discovery.group_list(self._scheme))

    def _openapi_document(self, request: web.BaseRequest, path: str) -> web.Response:
        document, digest = self._openapi.document(path), self._openapi.hash(path)
        headers = {"ETag": f'"{digest}"', "Vary": "Accept"}
        if request.query.get("hash") == digest:
            headers["Cache-Control"] = "public, immutable"
        if request.headers.get("If-None-Match") == headers["ETag"]:
            return web.Response(status=304, headers=headers)
        return json_answer(document, headers=headers)


class _Refusal(asyncio.Protocol):
    """One connection too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.abort()
