"""Values that pass an object's schema, but that Istio cannot decode into protobuf."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from lab.golang.durations import nanoseconds
from lab.golang.printing import quoted
from lab.kube.client import Json, Object, Review
from lab.mesh.config.webhook import refuse_undecodable, sequence

Reader = Callable[[Any], str]
"""Gives what is wrong with a value; "" if nothing is."""


def _number(value: int) -> str:
    """Of 32 bits, with a sign."""
    small = -(1 << 31) <= value < 1 << 31
    return "" if small else f"json: cannot unmarshal number {value} into Go value of type int32"


def _time(value: str) -> str:
    return "" if nanoseconds(value) is not None else f"bad Duration: time: invalid duration {quoted(value)}"


def _base64(value: str) -> str:
    try:
        # As in Go, where lines may be broken.
        base64.b64decode(value.replace("\r", "").replace("\n", ""), validate=True)
    except (binascii.Error, ValueError) as error:
        return f"illegal base64 data: {error}"
    return ""


_POLICY: dict[str, Reader] = {
    "connectionPool.tcp.maxConnections": _number,
    "connectionPool.tcp.idleTimeout": _time,
    "connectionPool.http.http1MaxPendingRequests": _number,
    "connectionPool.http.http2MaxRequests": _number,
    "connectionPool.http.maxRequestsPerConnection": _number,
    "connectionPool.http.maxRetries": _number,
    "connectionPool.http.maxConcurrentStreams": _number,
    "outlierDetection.consecutiveErrors": _number,
    "outlierDetection.maxEjectionPercent": _number,
    "outlierDetection.minHealthPercent": _number,
    "loadBalancer.consistentHash.httpCookie.ttl": _time,
    "retryBudget.budgetInterval": _time,
}
_WHOLE_POLICY = _POLICY | {f"portLevelSettings[].{path}": reader for path, reader in _POLICY.items()}
DESTINATION_RULE: dict[str, Reader] = {
    f"{policy}.{path}": reader
    for policy in ("trafficPolicy", "subsets[].trafficPolicy")
    for path, reader in _WHOLE_POLICY.items()
}
VIRTUAL_SERVICE: dict[str, Reader] = {
    "http[].route[].weight": _number,
    "http[].retries.attempts": _number,
    "http[].fault.abort.httpStatus": _number,
    "http[].fault.delay.percent": _number,
    "http[].directResponse.body.bytes": _base64,
    "tcp[].route[].weight": _number,
    "tls[].route[].weight": _number,
}


def review_decoding(readers: Mapping[str, Reader]) -> Review:
    """Refuses an object for the first field, by its path, that cannot be read."""

    def review(new: Object) -> list[str]:
        for path, reader in readers.items():
            for value in _at(new.get("spec"), path.split(".")):
                if problem := reader(value):
                    refuse_undecodable(problem)
        return []

    return review


def _at(value: Json, path: list[str]) -> Iterator[Json]:
    if not path:
        yield from () if value is None else (value,)
    elif isinstance(value, dict):
        name, rest = path[0].removesuffix("[]"), path[1:]
        inner = value.get(name)
        for each in sequence(inner) if path[0].endswith("[]") else (inner,):
            yield from _at(each, rest)
