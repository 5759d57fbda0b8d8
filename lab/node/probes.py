"""Readiness, liveness and startup probes. Kubernetes API: Probe; messages in the kubelet's words.

HTTP and TCP probes connect from inside the pod's network to the pod's own address. From there, traffic
capture lets them through to the application, so a probe tells about the application also where a mesh refuses
plain text. (Istio rewrites probes in the Pod to the same end.)
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from lab.kube.store import Object
from lab.node import netns
from lab.node.wiring import Sandbox

RunCommand = Callable[[Sequence[str]], Awaitable[tuple[int, str]]]
"""Runs a command in the container: (exit code, output)."""

_BODY_LIMIT = 10 * 1024


class ProbeFailed(Exception):
    """A probe did not succeed; `str` is the kubelet's message about it."""


@dataclass(frozen=True)
class Timing:
    """A probe's schedule: seconds, and numbers of results in a row."""

    initial_delay: float
    period: float
    timeout: float
    successes: int
    failures: int

    @classmethod
    def of(cls, probe: Object) -> Timing:
        return cls(
            probe.get("initialDelaySeconds", 0),
            probe.get("periodSeconds") or 10,
            probe.get("timeoutSeconds") or 1,
            probe.get("successThreshold") or 1,
            probe.get("failureThreshold") or 3,
        )


@dataclass(frozen=True)
class Target:
    """What a probe needs to know about its container."""

    sandbox: Sandbox
    ports: Mapping[str, int]
    """Container ports by name."""
    run: RunCommand


Report = Callable[[bool, str | None], None]
"""Told what is thought of the container now (is it healthy?), and the message of a probe that failed."""


async def watch(probe: Object, target: Target, *, healthy: bool, report: Report) -> None:
    """Probes for ever; reports each failure, and each change of mind once a threshold is reached.

    `healthy` is what is thought to begin with.
    """
    timing = Timing.of(probe)
    in_a_row = 0
    await asyncio.sleep(timing.initial_delay)
    while True:
        message: str | None = None
        try:
            async with asyncio.timeout(timing.timeout):
                await once(probe, target)
        except ProbeFailed as failure:
            message = str(failure)
        except TimeoutError:
            message = _timed_out(probe, target, timing)
        passed = message is None
        in_a_row = in_a_row + 1 if passed != healthy else 0
        changed = in_a_row >= (timing.successes if passed else timing.failures)
        if changed:
            healthy, in_a_row = passed, 0
        if changed or not passed:
            report(healthy, message)
        await asyncio.sleep(timing.period)


async def proxy_is_live(admin_socket: Path) -> bool:
    """Whether an Envoy says LIVE on its administration socket."""
    try:
        reader, writer = await asyncio.open_unix_connection(str(admin_socket))
    except OSError:
        return False  # not listening yet
    try:
        writer.write(b"GET /ready HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n")
        answer = await reader.read()
    except OSError:
        return False
    finally:
        writer.close()
    return answer.startswith(b"HTTP/1.1 200") and b"LIVE" in answer


async def once(probe: Object, target: Target) -> None:
    """Raises ProbeFailed, whatever the probe's thresholds and time limit are."""
    if "exec" in probe:
        code, output = await target.run(probe["exec"].get("command") or [])
        if code:
            raise ProbeFailed(output)
    elif "httpGet" in probe:
        await _http(probe["httpGet"], target)
    elif "tcpSocket" in probe:
        _, writer = await _connect(_port(probe["tcpSocket"], target), target)
        writer.close()
    else:
        raise ProbeFailed("missing probe handler: this node knows exec, httpGet and tcpSocket")


async def _http(action: Object, target: Target) -> None:
    port = _port(action, target)
    context = None
    if action.get("scheme", "HTTP").upper() == "HTTPS":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    path = "/" + (action.get("path") or "/").lstrip("/")
    headers = {"Host": f"{target.sandbox.address}:{port}", "User-Agent": "kube-probe/1.32", "Accept": "*/*"}
    headers |= {header["name"]: header["value"] for header in action.get("httpHeaders") or ()}
    lines = [f"GET {path} HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items()), "Connection: close", "", ""]
    try:
        reader, writer = await _connect(port, target, context)
    except ProbeFailed as failure:
        raise ProbeFailed(f"Get {_url(action, target)}: {failure}") from failure
    try:
        writer.write("\r\n".join(lines).encode())
        status_line = (await reader.readline()).split(maxsplit=2)
        await reader.read(_BODY_LIMIT)
    except OSError as error:
        raise ProbeFailed(f"Get {_url(action, target)}: {error.strerror}") from error
    finally:
        writer.close()
    if len(status_line) < 2 or not status_line[1].isdigit():
        raise ProbeFailed(f"Get {_url(action, target)}: EOF")
    status = int(status_line[1])
    if not HTTPStatus.OK <= status < HTTPStatus.BAD_REQUEST:
        raise ProbeFailed(f"HTTP probe failed with statuscode: {status}")


async def _connect(
    port: int, target: Target, context: ssl.SSLContext | None = None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    client = netns.socket_in(target.sandbox.network)
    address = target.sandbox.address
    try:
        await asyncio.get_running_loop().sock_connect(client, (address, port))
        return await asyncio.open_connection(
            sock=client, ssl=context, server_hostname=address if context else None
        )
    except OSError as error:
        client.close()
        # The event loop puts a text of its own in the place of the system's.
        what = (os.strerror(error.errno) if error.errno else str(error)).lower()
        raise ProbeFailed(f"dial tcp {address}:{port}: connect: {what}") from error
    except BaseException:
        client.close()
        raise


def _port(action: Object, target: Target) -> int:
    port = action["port"]
    if isinstance(port, int):
        return port
    if port in target.ports:
        return target.ports[port]
    if str(port).isdigit():
        return int(port)
    raise ProbeFailed(f"couldn't find port: {port}")


def _url(action: Object, target: Target) -> str:
    scheme = action.get("scheme", "HTTP").lower()
    path = "/" + (action.get("path") or "/").lstrip("/")
    return f'"{scheme}://{target.sandbox.address}:{_port(action, target)}{path}"'


def _timed_out(probe: Object, target: Target, timing: Timing) -> str:
    if "httpGet" in probe:
        why = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
        return f"Get {_url(probe['httpGet'], target)}: {why}"
    if "exec" in probe:
        return f"command timed out after {timing.timeout:g}s"
    return f"dial tcp {target.sandbox.address}:{_port(probe['tcpSocket'], target)}: i/o timeout"
