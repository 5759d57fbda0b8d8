"""Validation of a route's fault injection and of its CORS policy, in the words of Istio's webhook."""

from __future__ import annotations

from collections.abc import Iterator

from lab.golang.durations import SECOND, nanoseconds
from lab.golang.printing import quoted
from lab.kube.client import Object
from lab.mesh.config.networking.header_admission import cross_origin_name_problems
from lab.mesh.config.networking.text_match_admission import expression_problems
from lab.mesh.config.validation import duration_problems
from lab.mesh.config.webhook import InList, mapping, sequence

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE", "*")
GRPC_STATUSES = frozenset(
    (
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
    )
)


def fault_problems(fault: Object | None) -> Iterator[str]:
    if fault is None:
        return
    abort, delay = fault.get("abort"), fault.get("delay")
    if abort is None and delay is None:
        yield InList("HTTP fault injection must have an abort and/or a delay")
    if abort is not None:
        yield from _abort_problems(abort)
    if delay is not None:
        yield from _delay_problems(delay)


def _abort_problems(abort: Object) -> Iterator[str]:
    yield from _share_problems(abort.get("percentage"))
    if "grpcStatus" in abort and abort["grpcStatus"] not in GRPC_STATUSES:
        yield (
            f"gRPC status {quoted(abort['grpcStatus'])} is not supported. "
            "See https://github.com/grpc/grpc/blob/master/doc/statuscodes.md "
            "for a list of supported codes, for example 'NOT_FOUND'"
        )
    if "http2Error" in abort:
        yield "HTTP/2 abort fault injection not supported yet"
    if "httpStatus" in abort:
        yield from status_problems(abort["httpStatus"])


def _delay_problems(delay: Object) -> Iterator[str]:
    yield from _share_problems(delay.get("percentage"))
    if "fixedDelay" in delay:
        yield from duration_problems(delay["fixedDelay"])
    if "exponentialDelay" in delay:
        yield from duration_problems(delay["exponentialDelay"])
        yield InList("exponentialDelay not supported yet")


def _share_problems(percentage: Object | None) -> Iterator[str]:
    share = mapping(percentage).get("value") or 0
    if share and not 0.0001 <= share <= 100:
        yield f"percentage {share:g} is neither 0.0, nor in range [0.0001, 100.0]"


def status_problems(status: int) -> Iterator[str]:
    # Istio counts with 32 bits.
    status = (status + (1 << 31)) % (1 << 32) - (1 << 31)
    if not 200 <= status <= 600:
        yield f"HTTP status {status} is not in range 200-599"


def cross_origin_problems(policy: Object | None) -> Iterator[str]:
    policy = mapping(policy)
    for origin in sequence(policy.get("allowOrigins")):
        text = next((origin[kind] for kind in ("exact", "prefix", "regex") if kind in origin), "")
        if not text:
            yield "'' is not a valid match type for CORS allow origins"
        else:
            yield from expression_problems(origin, "corsPolicy.allowOrigins")
    for method in sequence(policy.get("allowMethods")):
        if method not in METHODS:
            yield f"{quoted(method)} is not a supported HTTP method"
    for name in (*sequence(policy.get("allowHeaders")), *sequence(policy.get("exposeHeaders"))):
        yield from cross_origin_name_problems(name)
    if policy.get("maxAge") is not None:
        yield from duration_problems(policy["maxAge"])
        if (nanoseconds(policy["maxAge"]) or 0) % SECOND:
            yield InList("max_age duration is accurate only to seconds precision")
