"""The health check of gRPC (grpc.health.v1.Health/Check), by curl, which speaks HTTP/2."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lab.node.processes.spawner import Spawner

SERVING = "SERVING"
STATUSES = ("UNKNOWN", SERVING, "NOT_SERVING", "SERVICE_UNKNOWN")

# In the order of their numbers.
_CODES = (
    *("OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound", "AlreadyExists"),
    *(
        "PermissionDenied",
        "ResourceExhausted",
        "FailedPrecondition",
        "Aborted",
        "OutOfRange",
        "Unimplemented",
    ),
    *("Internal", "Unavailable", "DataLoss", "Unauthenticated"),
)
_STATUS_FIELD = 0x08
"""Number 1, a varint: the first byte of a HealthCheckResponse."""


class CheckFailed(Exception):
    """There was no status; `str` is the kubelet's message."""


@dataclass(frozen=True)
class Origin:
    """Where to ask from: a network (None: the node's), and the address there (empty: any)."""

    network: int | None = None
    source: str = ""


async def check(where: str, service: str, seconds: float, spawner: Spawner, origin: Origin) -> str:
    """The status of a service at `address:port`, one of STATUSES. Raises CheckFailed."""
    argv = [
        *("curl", "--silent", "--http2-prior-knowledge", "--dump-header", "-", "--data-binary", "@-"),
        *("--max-time", str(seconds), "--user-agent", "kube-probe/1.32 grpc"),
        *("--header", "content-type: application/grpc", "--header", "te: trailers"),
        *(("--interface", origin.source) if origin.source else ()),
        f"http://{where}/grpc.health.v1.Health/Check",
    ]
    code, answer = await spawner.outcome(argv, _message(service), network=origin.network)
    if code:
        # The kubelet tries again until its time is over, whatever the reason.
        why = f'failed to connect service "{where}" within {seconds:g}s: context deadline exceeded'
        raise CheckFailed(f"timeout: {why}")
    return _status(answer)


def _message(service: str) -> bytes:
    """A HealthCheckRequest, with the five bytes that gRPC puts before a message."""
    name = service.encode()
    # Names are shorter than the 128 bytes from which on a length takes two.
    body = b"\x0a" + bytes([len(name)]) + name if name else b""
    return b"\0" + len(body).to_bytes(4, "big") + body


def _status(answer: bytes) -> str:
    head, _, body = answer.partition(b"\r\n\r\n")
    trailers = dict(re.findall(rb"(?mi)^(grpc-status|grpc-message): ([^\r\n]*)", answer))
    number = trailers.get(b"grpc-status", b"2" if b"application/grpc" not in head else b"0").decode()
    code = _CODES[int(number)] if number.isdigit() and int(number) < len(_CODES) else f"Code({number})"
    said = trailers.get(b"grpc-message", b"").decode(errors="replace")
    if code == "Unimplemented":
        raise CheckFailed(
            f"error: this server does not implement the grpc health protocol (grpc.health.v1.Health): {said}"
        )
    if code != "OK" or not body.startswith(b"\0"):
        raise CheckFailed(f"error: health rpc probe failed: rpc error: code = {code} desc = {said}")
    message = body[5 : 5 + int.from_bytes(body[1:5], "big")]
    status = message[1] if message[:1] == bytes([_STATUS_FIELD]) else 0
    return STATUSES[status] if status < len(STATUSES) else str(status)
