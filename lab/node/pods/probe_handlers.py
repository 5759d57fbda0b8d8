"""What a probe or a hook does: runs a command, or sends a request. Kubernetes API: ProbeHandler.

Messages are those of the kubelet. As the kubelet's, requests come from the node: so traffic capture sends a
probe to the pod's proxy, which may reject it. For that reason, a mesh lets probes be sent from inside the pod
(lab.node.pods.app_probers).
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from lab.kube.client import Object
from lab.node.pods import grpc_health
from lab.node.processes import syscalls
from lab.node.processes.spawner import Spawner

RunCommand = Callable[[Sequence[str]], Awaitable[tuple[int, str]]]
"""Runs a command in the container: (exit code, output)."""

USER_AGENT = "kube-probe/1.32"
INBOUND_SOURCE = "127.0.0.6"
"""Source address with which connections inside a pod bypass its traffic capture."""

_BODY_LIMIT = 10 * 1024


class ProbeFailed(Exception):
    """A probe did not succeed; `str` is the kubelet's message about it."""


@dataclass(frozen=True)
class Target:
    """What a probe needs to know about its container."""

    address: str
    ports: Mapping[str, int]
    """Container ports by name."""
    run: RunCommand
    spawner: Spawner
    network: int | None = None
    """The pod's network, to send requests from inside the pod; None: from the node."""


async def once(probe: Object, target: Target) -> None:
    """Probes once, regardless of the probe's thresholds and time limit. Raises ProbeFailed."""
    if "exec" in probe:
        code, output = await target.run(probe["exec"].get("command") or [])
        if code:
            raise ProbeFailed(output)
    elif "httpGet" in probe:
        status = await http_status(probe["httpGet"], target)
        if not HTTPStatus.OK <= status < HTTPStatus.BAD_REQUEST:
            raise ProbeFailed(f"HTTP probe failed with statuscode: {status}")
    elif "tcpSocket" in probe:
        action = probe["tcpSocket"]
        _, writer = await _connect(_host(action, target), port_of(action, target), target)
        writer.close()
    elif "grpc" in probe:
        await _grpc(probe["grpc"], probe.get("timeoutSeconds") or 1, target)
    else:
        raise ProbeFailed("missing probe handler")


async def http_status(action: Object, target: Target, given: Mapping[str, str] | None = None) -> int:
    """The status of a GET with the headers of the action, or those `given`."""
    host, port = _host(action, target), port_of(action, target)
    context = None
    if action.get("scheme", "HTTP").upper() == "HTTPS":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    headers = {"Host": f"{host}:{port}", "User-Agent": USER_AGENT, "Accept": "*/*"}
    headers |= {header["name"]: header["value"] for header in action.get("httpHeaders") or ()}
    headers = {**(headers if given is None else given), "Connection": "close"}
    lines = [
        f"GET {_path(action)} HTTP/1.1",
        *(f"{name}: {value}" for name, value in headers.items()),
        "",
        "",
    ]
    try:
        reader, writer = await _connect(host, port, target, context)
    except ProbeFailed as failure:
        raise ProbeFailed(f"Get {_url(action, target)}: {failure}") from failure
    try:
        writer.write("\r\n".join(lines).encode())
        status_line = (await reader.readline()).split(maxsplit=2)
        await reader.read(_BODY_LIMIT)
    except OSError as error:
        ours, theirs = writer.get_extra_info("sockname"), f"{host}:{port}"
        where = f"read tcp {ours[0]}:{ours[1]}->{theirs}: read"
        raise ProbeFailed(f"Get {_url(action, target)}: {where}: {_reason(error)}") from error
    finally:
        writer.close()
    if len(status_line) < 2 or not status_line[1].isdigit():
        raise ProbeFailed(f"Get {_url(action, target)}: EOF")
    return int(status_line[1])


def timed_out(probe: Object, target: Target, seconds: float) -> str:
    """The message about a probe that timed out."""
    if "httpGet" in probe:
        why = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
        return f"Get {_url(probe['httpGet'], target)}: {why}"
    if "exec" in probe:
        return f"command timed out after {seconds:g}s"
    if "grpc" in probe:
        return f"timeout: health rpc did not complete within {seconds:g}s"
    action = probe["tcpSocket"]
    return f"dial tcp {_host(action, target)}:{port_of(action, target)}: i/o timeout"


def port_of(action: Object, target: Target) -> int:
    """A port by its number, or by the name that the container gives it. Raises ProbeFailed."""
    port = action["port"]
    if isinstance(port, int):
        return port
    if port in target.ports:
        return target.ports[port]
    if str(port).isdigit():
        return int(port)
    raise ProbeFailed(f"couldn't find port: {port}")


async def _grpc(action: Object, seconds: float, target: Target) -> None:
    where, service = f"{target.address}:{action['port']}", action.get("service") or ""
    place = grpc_health.Origin(target.network, INBOUND_SOURCE if target.network is not None else "")
    try:
        status = await grpc_health.check(where, service, seconds, target.spawner, place)
    except grpc_health.CheckFailed as failure:
        raise ProbeFailed(str(failure)) from failure
    if status != grpc_health.SERVING:
        raise ProbeFailed(f'service unhealthy (responded with "{status}")')


async def _connect(
    host: str, port: int, target: Target, context: ssl.SSLContext | None = None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    client = _socket(target)
    try:
        await asyncio.get_running_loop().sock_connect(client, (host, port))
        return await asyncio.open_connection(
            sock=client, ssl=context, server_hostname=host if context else None
        )
    except OSError as error:
        client.close()
        raise ProbeFailed(f"dial tcp {host}:{port}: connect: {_reason(error)}") from error
    except BaseException:
        client.close()
        raise


def _socket(target: Target) -> socket.socket:
    if target.network is None:
        client = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        client.setblocking(False)
        return client
    client = syscalls.socket_in(target.network)
    client.bind((INBOUND_SOURCE, 0))
    return client


def _reason(error: OSError) -> str:
    # The event loop puts a text of its own in the place of the system's.
    return (os.strerror(error.errno) if error.errno else str(error)).lower()


def _host(action: Object, target: Target) -> str:
    """Whom to ask: the pod, if the probe names nobody else. The node knows no names."""
    host: str = action.get("host") or target.address
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        raise ProbeFailed(f"dial tcp: lookup {host}: no such host") from None
    return host


def _path(action: Object) -> str:
    return "/" + (action.get("path") or "/").lstrip("/")


def _url(action: Object, target: Target) -> str:
    scheme = action.get("scheme", "HTTP").lower()
    return f'"{scheme}://{_host(action, target)}:{port_of(action, target)}{_path(action)}"'
