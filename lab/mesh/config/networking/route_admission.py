"""Validation of the HTTP routes of VirtualServices, in the words of Istio's webhook."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from http import HTTPStatus

from lab.golang.printing import quoted
from lab.kube.client import Object
from lab.mesh.config.networking.fault_admission import cross_origin_problems, fault_problems, status_problems
from lab.mesh.config.networking.header_admission import AUTHORITY, changes_problems, matched_name_problems
from lab.mesh.config.networking.text_match_admission import (
    expression_problems,
    match_problems,
    syntax_problems,
)
from lab.mesh.config.validation import (
    duration_problems,
    gateway_name_problems,
    host_problems,
    is_label,
    port_problems,
    subset_problems,
    tag_problems,
)
from lab.mesh.config.webhook import InList, mapping, sequence
from lab.mesh.model.routing import LONGEST_BODY

RETRIED = frozenset(
    (
        "5xx",
        "gateway-error",
        "reset",
        "reset-before-request",
        "connect-failure",
        "retriable-4xx",
        "refused-stream",
        "retriable-status-codes",
        "retriable-headers",
        "envoy-ratelimited",
        "http3-post-connect-failure",
        "cancelled",
        "deadline-exceeded",
        "internal",
        "resource-exhausted",
        "unavailable",
    )
)
STATUSES = frozenset(str(status.value) for status in HTTPStatus)


def route_problems(route: Object, *, delegated: bool) -> Iterator[str]:
    """The problems of an entry of `http`; `delegated`: of a VirtualService without hosts."""
    yield from _conflict_problems(route, delegated=delegated)
    for match in sequence(route.get("match")):
        yield from _match_problems(match)
    headers = mapping(route.get("headers"))
    yield from changes_problems(headers)
    yield from cross_origin_problems(route.get("corsPolicy"))
    yield from fault_problems(route.get("fault"))
    yield from _mirror_problems(route)
    yield from _redirect_problems(route.get("redirect"), sequence(route.get("match")))
    yield from _answer_problems(route.get("directResponse"))
    yield from _retry_problems(route.get("retries"))
    yield from _rewrite_problems(route.get("rewrite"))
    yield from _authority_problems(mapping(route.get("rewrite")), mapping(headers.get("request")))
    for destination in sequence(route.get("route")):
        yield from changes_problems(mapping(destination.get("headers")))
    yield from destinations_problems(sequence(route.get("route")))
    if route.get("timeout") is not None:
        yield from duration_problems(route["timeout"])


def _conflict_problems(route: Object, *, delegated: bool) -> Iterator[str]:
    """Actions of a route that exclude each other."""
    given = {name for name in TARGETS if route.get(name) is not None and route[name] != []}
    if not delegated and "delegate" in given:
        for name in ("redirect", "route"):
            if name in given:
                yield f"root HTTP route {route.get('name') or ''} must not specify {name}"
        return
    if "delegate" in given:
        yield "delegate HTTP route cannot contain delegate"
    answer = next((name for name in ("redirect", "directResponse") if name in given), None)
    if answer:
        words = TARGETS[answer]
        for name in ("route", "fault"):
            if name in given:
                yield f"HTTP route cannot contain both {name} and {words}"
        for name in ("rewrite", "directResponse"):
            if name in given and name != answer:
                yield f"HTTP route rule cannot contain both {TARGETS[name]} and {words}"
    elif "route" not in given:
        yield "HTTP route, redirect or direct_response is required"
    if "mirror" in given and "mirrors" in given:
        yield "HTTP route cannot contain both mirror and mirrors"


TARGETS = {
    "route": "route",
    "redirect": "redirect",
    "directResponse": "direct_response",
    "delegate": "delegate",
    "fault": "fault",
    "rewrite": "rewrite",
    "mirror": "mirror",
    "mirrors": "mirrors",
}
"""What a route may do with a request, and its name in messages."""


def _match_problems(match: Object) -> Iterator[str]:
    for name, text in mapping(match.get("headers")).items():
        yield from matched_name_problems(name)
        yield from match_problems(text, "headers")
    for name, text in mapping(match.get("withoutHeaders")).items():
        yield from matched_name_problems(name)
        # This is no expression: whatever the header says.
        if text.get("regex") != "*":
            yield from match_problems(text, "withoutHeaders")
    # Every path begins with nothing.
    yield from expression_problems(mapping(match.get("uri")), "uri")
    for field in ("scheme", "method", "authority"):
        yield from match_problems(mapping(match.get(field)), field)
    for text in mapping(match.get("queryParams")).values():
        yield from match_problems(text, "queryParams")
    if match.get("port"):
        yield from port_problems(match["port"])
    yield from tag_problems(mapping(match.get("sourceLabels")))
    yield from gateway_name_problems(sequence(match.get("gateways")))
    namespace = match.get("sourceNamespace") or ""
    if namespace and not is_label(namespace):
        yield f"sourceNamespace match {namespace} is invalid"


def _mirror_problems(route: Object) -> Iterator[str]:
    # Both spellings are fields of the schema, and one field to Istio, which reads the first.
    share = route.get("mirrorPercent", route.get("mirror_percent")) or 0
    if share > 100:
        yield f"mirror_percent must have a max value of 100 (it has {share})"
    yield from _percentage_problems(route.get("mirrorPercentage"), "mirror_percentage")
    if route.get("mirror") is not None:
        yield from destination_problems(route["mirror"])
    for mirror in sequence(route.get("mirrors")):
        yield from destination_problems(mirror["destination"])
        yield from _percentage_problems(mirror.get("percentage"), "mirror percentage")


def _percentage_problems(percentage: Object | None, words: str) -> Iterator[str]:
    share = mapping(percentage).get("value") or 0
    if share > 100:
        yield f"{words} must have a max value of 100 (it has {share:f})"
    if share < 0:
        yield f"{words} must have a min value of 0 (it has {share:f})"


def _redirect_problems(redirect: Object | None, matches: list[Object]) -> Iterator[str]:
    """The first."""
    if redirect is None:
        return
    uri, prefix, scheme = (redirect.get(name) or "" for name in ("uri", "prefixRewrite", "scheme"))
    code = redirect.get("redirectCode") or 0
    by_prefix = (match.get("uri") is None or "prefix" in match["uri"] for match in matches)
    if uri and prefix:
        yield "redirect may only specify one of uri or prefix_rewrite"
    elif prefix and not all(by_prefix):
        yield "redirect prefix_rewrite requires all URI matches to use prefix match type"
    elif not (
        uri or prefix or redirect.get("authority") or scheme or {"port", "derivePort"} & redirect.keys()
    ):
        yield "redirect must specify URI, authority, scheme, or port"
    elif code and not 300 <= code <= 399:
        yield f"{code} is not a valid redirect code, must be 3xx"
    elif scheme not in ("", "http", "https"):
        yield 'invalid redirect scheme, must be "http" or "https"'
    elif redirect.get("port"):
        yield from port_problems(redirect["port"])


def _answer_problems(answer: Object | None) -> Iterator[str]:
    if answer is None:
        return
    body = mapping(answer.get("body"))
    if max(len((body.get("string") or "").encode()), len(_decoded(body.get("bytes")))) > LONGEST_BODY:
        yield "large direct_responses may impact control plane performance, must be less than 1MB"
    yield from status_problems(answer.get("status") or 0)


def _decoded(text: str | None) -> bytes:
    try:
        return base64.b64decode(text or "", validate=True)
    except binascii.Error:
        return b""


def _retry_problems(retries: Object | None) -> Iterator[str]:
    if retries is None:
        return
    attempts, retry_on = retries.get("attempts") or 0, retries.get("retryOn") or ""
    if attempts < 0:
        yield InList("attempts cannot be negative")
    others = (retries.get("perTryTimeout"), retry_on or None, retries.get("retryRemoteLocalities"))
    if not attempts and any(other is not None for other in others):
        yield "http retry policy configured when attempts are set to 0 (disabled)"
    for name in ("perTryTimeout", "backoff"):
        if retries.get(name) is not None:
            yield from duration_problems(retries[name])
    for policy in retry_on.split(",") if retry_on else ():
        if policy not in RETRIED and policy.removeprefix("+").lstrip("0") not in STATUSES:
            yield f"{quoted(policy)} is not a valid retryOn policy"


def _rewrite_problems(rewrite: Object | None) -> Iterator[str]:
    """The first."""
    if rewrite is None:
        return
    expression = rewrite.get("uriRegexRewrite")
    if rewrite.get("uri") and expression is not None:
        yield "rewrite may only contain one of URI or UriRegexRewrite"
    elif not (rewrite.get("uri") or expression is not None or rewrite.get("authority")):
        yield (
            "rewrite must specify at least one of URI, UriRegexRewrite, or authority. "
            "Only one of URI or UriRegexRewrite may be specified"
        )
    elif expression is not None:
        for problem in _expression_rewrite_problems(expression):
            yield f"UriRegexRewrite has errors\n{problem}"


def _expression_rewrite_problems(rewrite: Object) -> Iterator[str]:
    if not rewrite.get("match") or not rewrite.get("rewrite"):
        yield "UriRegexRewrite requires both Rewrite and Match fields to be specified"
    else:
        yield from syntax_problems(rewrite["match"], "HTTPRewrite.UriRegexRewrite.Match")


def _authority_problems(rewrite: Object, request: Object) -> Iterator[str]:
    """The first: the authority is written in one place at most."""
    current = rewrite.get("authority") or ""
    written = (pair for kind in ("set", "add") for pair in mapping(request.get(kind)).items())
    for value in (value for name, value in written if name.lower() in AUTHORITY):
        if current:
            yield (
                f"authority header cannot be set multiple times: have {quoted(current)}, "
                f"attempting to set {quoted(value)}"
            )
            return
        current = value


def destinations_problems(destinations: list[Object]) -> Iterator[str]:
    """The problems of one or more weighted destinations."""
    weights = [each.get("weight") or 0 for each in destinations]
    for each, weight in zip(destinations, weights, strict=True):
        yield from destination_problems(each["destination"])
        if weight < 0:
            yield f"weight {weight} < 0"
    if len(weights) > 1 and not sum(weights):
        yield "total destination weight = 0"


def destination_problems(destination: Object) -> Iterator[str]:
    host = destination.get("host") or ""
    if host == "*":
        yield f"invalid destination host {host}"
    else:
        yield from host_problems(host)
    if destination.get("subset"):
        yield from subset_problems(destination["subset"])
    if destination.get("port") is not None:
        yield from port_problems(destination["port"].get("number") or 0)
