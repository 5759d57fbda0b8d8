"""One HTTPS call to a webhook: to its URL, or to one of the pods behind its Service."""

from __future__ import annotations

import asyncio
import base64
import os
import random
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson
from yarl import URL

from lab.kube.group_resources import ENDPOINT_SLICES, SERVICES
from lab.kube.objects import Object
from lab.kube.store import Store

_SERVICES, _SLICES = SERVICES, ENDPOINT_SLICES
_LARGEST_ANSWER = 16 * 1024 * 1024


class CallFailed(Exception):
    """A webhook call failed; says why in the words of Go's HTTP client."""


@dataclass(frozen=True)
class Target:
    """`host` and `port` are what the call is about, the connection goes to the address and its port."""

    host: str
    port: int
    path: str
    address: str
    connect_port: int

    query: str

    @property
    def shown(self) -> str:
        return f"https://{self.host}:{self.port}{self.path}?{self.query}"


async def post(webhook: Object, review: Object, store: Store) -> bytes:
    """The body of a webhook's answer. Raises CallFailed."""
    client, timeout = webhook["clientConfig"], webhook.get("timeoutSeconds") or 10
    target = _named(client, f"timeout={timeout}s")
    try:
        async with asyncio.timeout(timeout):
            if (service := client.get("service")) is not None:
                target = _behind(service, target, store)
            return await _exchange(target, _trust(client.get("caBundle") or ""), review)
    except TimeoutError:
        why = "context deadline exceeded"
    except aiohttp.ClientConnectorCertificateError as error:
        cause = error.certificate_error
        why = f"tls: failed to verify certificate: x509: {getattr(cause, 'verify_message', '') or cause}"
    except aiohttp.ClientConnectorSSLError as error:
        why = f"tls: {getattr(error.os_error, 'reason', None) or error}"
    except aiohttp.ClientConnectorError as error:
        why = f"dial tcp {target.address}:{target.connect_port}: {_failure(error.os_error)}"
    except aiohttp.ServerDisconnectedError:
        why = "EOF"
    except (aiohttp.ClientError, OSError, ValueError) as error:
        why = f"{error}" or type(error).__name__
    except _Unreachable as error:
        why = str(error)
    raise CallFailed(f'Post "{target.shown}": {why}')


def _failure(error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return "lookup: no such host"
    if error.errno and error.errno > 0:
        return f"connect: {os.strerror(error.errno).lower()}"
    return str(error)


class _Unreachable(Exception):
    """There is nobody to connect to, or what answers is no webhook."""


def _named(client: Object, query: str) -> Target:
    if (service := client.get("service")) is not None:
        host = f"{service['name']}.{service['namespace']}.svc"
        return Target(host, service.get("port") or 443, service.get("path") or "/", "", 0, query)
    parts = urlsplit(client["url"])
    host, port = parts.hostname or "", parts.port or 443
    return Target(host, port, parts.path or "/", host, port, query)


def _behind(service: Object, target: Target, store: Store) -> Target:
    """Straight to a ready endpoint, as an API server does that has no service proxy."""
    namespace, name = service["namespace"], service["name"]
    found = store.get(_SERVICES, namespace, name)
    if found is None:
        raise _Unreachable(f'service "{name}" not found')
    ports = found["spec"].get("ports") or ()
    port = next((each for each in ports if each["port"] == target.port), None)
    if port is None:
        raise _Unreachable(f'no service port {target.port} found for service "{name}"')
    ready = list(_ready(store, namespace, name, port.get("name") or ""))
    if not ready:
        raise _Unreachable(f'no endpoints available for service "{name}"')
    address, number = random.choice(ready)
    return replace(target, address=address, connect_port=number)


def _ready(store: Store, namespace: str, service: str, port_name: str) -> Iterator[tuple[str, int]]:
    for part in store.list(_SLICES, namespace):
        if (part["metadata"].get("labels") or {}).get("kubernetes.io/service-name") != service:
            continue
        numbers = [each["port"] for each in part.get("ports") or () if (each.get("name") or "") == port_name]
        for endpoint in part.get("endpoints") or ():
            if (endpoint.get("conditions") or {}).get("ready") is not False:
                yield from ((address, number) for address in endpoint["addresses"] for number in numbers)


@lru_cache(maxsize=64)
def _trust(bundle: str) -> ssl.SSLContext:
    """Whom to believe: the authorities of the bundle alone, or without one those of this machine.

    Reading the machine's own takes a quarter of a second, so they are not read next to a bundle.
    """
    if not bundle:
        return ssl.create_default_context()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cadata=base64.b64decode(bundle, validate=True).decode())
    except (ssl.SSLError, ValueError):
        raise _Unreachable("unable to load root certificates: unable to parse bytes as PEM block") from None
    return context


async def _exchange(target: Target, trust: ssl.SSLContext, review: Object) -> bytes:
    address = f"[{target.address}]" if ":" in target.address else target.address
    url = URL(f"https://{address}:{target.connect_port}{target.path}?{target.query}", encoded=True)
    headers = {
        "Accept": "application/json",
        "Content-Type": "application/json",
        "Host": f"{target.host}:{target.port}",
        "User-Agent": "kube-apiserver-admission",
    }
    # A connection a call: a pod that has been replaced is not asked through what is left of the old one.
    connector = aiohttp.TCPConnector(force_close=True)
    whole: Any = aiohttp.ClientTimeout(total=None)
    async with (
        aiohttp.ClientSession(connector=connector, timeout=whole) as session,
        session.post(
            url,
            data=orjson.dumps(review),
            headers=headers,
            ssl=trust,
            server_hostname=target.host,
            allow_redirects=False,
        ) as answer,
    ):
        body = await _read(answer)
        if answer.status != 200:
            raise _Unreachable(_said(answer.status, body))
        return body


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in answer.content.iter_any():
        body += chunk
        if len(body) > _LARGEST_ANSWER:
            raise _Unreachable(f"the answer is longer than {_LARGEST_ANSWER} bytes")
    return bytes(body)


def _said(status: int, body: bytes) -> str:
    if status == 404:
        return "the server could not find the requested resource"
    text = " ".join(body[:200].decode(errors="replace").split())
    if status >= 500 and text:
        return f'an error on the server ("{text}") has prevented the request from succeeding'
    return f"the server responded with the status code {status} but did not return more information"
