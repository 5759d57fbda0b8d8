"""The JWKS fetcher: from `jwksUri`, or from where an issuer's discovery document says (OpenID Connect).

The control plane fetches, so that proxies need no way to the issuer. While a set cannot be had, it is tried
again, ever more seldom; once there, it is fetched anew from time to time, and the last good one stays in use.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import logging
import socket
import ssl
from collections.abc import Callable, Collection
from functools import cache
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from lab.kube.client import Json
from lab.mesh.config.key_source import KeySource
from lab.mesh.envoy import key_set
from lab.mesh.envoy.key_set import NotAKeySet

REFRESH_S = 20 * 60
FIRST_RETRY_S = 0.25
LONGEST_RETRY_S = 5.0
"""Istio waits from a minute up to an hour; whoever tries out policies does not."""

MOST_BYTES = 1 << 20
DISCOVERY = "/.well-known/openid-configuration"

Resolve = Callable[[str], tuple[str, ...] | None]
"""The addresses behind a name of the cluster; None: it is no name of the cluster."""

log = logging.getLogger(__name__)


class Unavailable(Exception):
    """A key set cannot be had (now); the message says why."""


class KeySets:
    """The key sets of all sources that somebody wants, as far as they could be fetched."""

    def __init__(
        self,
        resolve: Resolve,
        *,
        refresh: float = REFRESH_S,
        first_retry: float = FIRST_RETRY_S,
    ) -> None:
        """Times are in seconds."""
        self.fetched: dict[KeySource, str] = {}
        self.missing: dict[KeySource, str] = {}
        """Why there are no keys, of each source whose keys could not be had so far."""
        self._resolve = resolve
        self._refresh = refresh
        self._first_retry = first_retry
        self._wanted: frozenset[KeySource] = frozenset()
        self._changed = asyncio.Event()

    def want(self, sources: Collection[KeySource]) -> None:
        """Says what is wanted from now on; everything else is forgotten."""
        wanted = frozenset(sources)
        if wanted != self._wanted:
            self._wanted = wanted
            self.fetched = {source: text for source, text in self.fetched.items() if source in wanted}
            self.missing = {source: why for source, why in self.missing.items() if source in wanted}
            self._changed.set()

    async def run(self, arrived: Callable[[], None], failed: Callable[[], None] = lambda: None) -> None:
        """Fetches what is wanted, for ever.

        `arrived` is called for each key set that is new or different, `failed` where `missing` has changed.
        """
        following: dict[KeySource, asyncio.Task[None]] = {}
        connector = TCPConnector(
            resolver=ClusterResolver(self._resolve),
            socket_factory=_socket_to,
            use_dns_cache=False,
            force_close=True,
        )
        async with ClientSession(connector=connector) as session, asyncio.TaskGroup() as tasks:
            while True:
                self._changed.clear()
                for source in following.keys() - self._wanted:
                    following.pop(source).cancel()
                for source in self._wanted - following.keys():
                    following[source] = tasks.create_task(self._follow(session, source, arrived, failed))
                await self._changed.wait()

    async def _follow(
        self,
        session: ClientSession,
        source: KeySource,
        arrived: Callable[[], None],
        failed: Callable[[], None],
    ) -> None:
        retry, told = self._first_retry, ""
        while True:
            try:
                text = await fetch(session, source)
            except Unavailable as error:
                if str(error) != told:
                    told = str(error)
                    log.warning("no keys from %s: %s", source.uri or source.issuer, told)
                    if source not in self.fetched:
                        self.missing[source] = told
                        failed()
                pause, retry = retry, min(2 * retry, LONGEST_RETRY_S)
            else:
                pause, retry, told = self._refresh, self._first_retry, ""
                self.missing.pop(source, None)
                if self.fetched.get(source) != text:
                    self.fetched = {**self.fetched, source: text}
                    arrived()
            await asyncio.sleep(pause)


async def fetch(session: ClientSession, source: KeySource) -> str:
    """The key set of a source, within its time. Raises Unavailable."""
    try:
        async with asyncio.timeout(source.timeout):
            uri = source.uri or await _discover(session, source.issuer)
            text = await _get(session, uri)
            key_set.check(text)
            return text
    except TimeoutError:
        raise Unavailable(f"no answer within {source.timeout:g} s") from None
    except NotAKeySet as error:
        raise Unavailable(f"not a key set: {error}") from None


async def _discover(session: ClientSession, issuer: str) -> str:
    text = await _get(session, issuer.rstrip("/") + DISCOVERY)
    try:
        document: Json = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    uri = document.get("jwks_uri") if isinstance(document, dict) else None
    if not isinstance(uri, str) or not uri:
        raise Unavailable("the discovery document names no jwks_uri")
    return uri


async def _get(session: ClientSession, uri: str) -> str:
    if not uri.startswith(("http://", "https://")):
        raise Unavailable(f"{uri!r} is neither http:// nor https://")
    try:
        trust = _authorities() if uri.startswith("https://") else True
        async with session.get(uri, timeout=ClientTimeout(total=None), ssl=trust) as response:
            if response.status != 200:
                raise Unavailable(f"{uri} answers {response.status}")
            body = b""
            async for piece in response.content.iter_any():
                body += piece
                if len(body) > MOST_BYTES:
                    raise Unavailable(f"{uri} answers more than {MOST_BYTES} bytes")
    except (ClientError, OSError, ValueError) as error:
        raise Unavailable(f"{uri}: {error or type(error).__name__}") from None
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise Unavailable(f"{uri} does not answer in UTF-8") from None


@cache
def _authorities() -> ssl.SSLContext:
    """Those that this machine trusts. Reading them takes a while, so nobody does before there is a need."""
    return ssl.create_default_context()


class ClusterResolver(AbstractResolver):
    """Knows the names of the cluster, and asks the system for all others."""

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self._system = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        addresses = self._resolve(host)
        if addresses is None:
            try:
                return await self._system.resolve(host, port, family)
            except OSError:
                raise OSError(
                    None, f"{host} is no name of this cluster, and the lab has no way out"
                ) from None
        if not addresses:
            raise OSError(None, f"{host} has no endpoints")
        return [_resolved(host, address, port) for address in addresses]

    async def close(self) -> None:
        await self._system.close()


def _resolved(host: str, address: str, port: int) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    return ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=flags)


def _socket_to(address_info: tuple[Any, ...]) -> socket.socket:
    """A socket for an address, however it was found (name, literal, redirect).

    Not for a link-local one: that is where clouds hand out the credentials of a machine.
    """
    family, kind, protocol, _, address = address_info
    ip = ipaddress.ip_address(str(address[0]).partition("%")[0])
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    if (mapped or ip).is_link_local:
        raise OSError(None, f"the link-local address {ip} is refused")
    return socket.socket(family, kind, protocol)
