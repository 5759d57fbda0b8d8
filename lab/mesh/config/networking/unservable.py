"""Parts of VirtualServices that Istio's webhook accepts, but whose configuration Envoy rejects.

Envoy rejects the whole update that contains it, so this one object is rejected instead.
"""

from __future__ import annotations

from collections.abc import Iterator

from lab.golang.printing import quoted
from lab.golang.regexp import NotAnExpression
from lab.kube.client import Object
from lab.mesh.config.networking.virtual_service import claim_path
from lab.mesh.config.webhook import UNREADABLE, mapping, sequence
from lab.mesh.envoy import expressions

REDIRECTS = (301, 302, 303, 307, 308)
LONGEST_PARAMETER = 1024


def route_problems(route: Object) -> Iterator[str]:
    """The problems of an entry of `http` that Istio accepts."""
    redirect = mapping(route.get("redirect"))
    yield from _text_problems("redirect", redirect)
    yield from _text_problems("rewrite", mapping(route.get("rewrite")))
    if redirect.get("redirectCode") and redirect["redirectCode"] not in REDIRECTS:
        yield f"redirectCode {redirect['redirectCode']} is none of {', '.join(map(str, REDIRECTS))}"
    if mapping(route.get("directResponse")).get("status") == 600:
        yield "HTTP status 600 is not in range 200-599"
    for each in (route, *sequence(route.get("route"))):
        yield from _header_problems(mapping(each.get("headers")))
    for expression in _expressions(route):
        try:
            expressions.check(expression)
        except NotAnExpression as error:
            yield f"regex {quoted(expression)}: {error}"
    for match in sequence(route.get("match")):
        for name in (*mapping(match.get("headers")), *mapping(match.get("withoutHeaders"))):
            if not all(claim_path(name) or ("header",)):
                yield f"claim {quoted(name)} has a part without a name"
        yield from _claim_problems(match)
        for name in mapping(match.get("queryParams")):
            if not 0 < len(name.encode()) <= LONGEST_PARAMETER:
                yield "name of a query parameter is empty or too long"


def _expressions(route: Object) -> Iterator[str]:
    for match in sequence(route.get("match")):
        texts = [mapping(match.get(field)) for field in ("uri", "scheme", "method", "authority")]
        for field in ("headers", "withoutHeaders", "queryParams"):
            texts += mapping(match.get(field)).values()
        # Without a header whatever it says is no expression.
        yield from (text["regex"] for text in texts if text.get("regex") not in (None, "*"))
    yield from (
        origin["regex"]
        for origin in sequence(mapping(route.get("corsPolicy")).get("allowOrigins"))
        if origin.get("regex")
    )
    if rewrite := mapping(mapping(route.get("rewrite")).get("uriRegexRewrite")).get("match"):
        yield rewrite


def _claim_problems(match: Object) -> Iterator[str]:
    for field in ("headers", "withoutHeaders"):
        for name, text in mapping(match.get(field)).items():
            nothing = not {"exact", "prefix", "regex"} & mapping(text).keys() or text.get("regex") == "*"
            if nothing and claim_path(name):
                yield f'claim {quoted(name)} needs exact, prefix or regex (".*" is any text)'


def _text_problems(what: str, values: Object) -> Iterator[str]:
    for name, value in values.items():
        if isinstance(value, str) and UNREADABLE.search(value):
            yield f"{what} {name}: {quoted(value)} has control characters"


def _header_problems(headers: Object) -> Iterator[str]:
    for side in ("request", "response"):
        changes = mapping(headers.get(side))
        names = (*mapping(changes.get("set")), *mapping(changes.get("add")), *sequence(changes.get("remove")))
        for name in names:
            if UNREADABLE.search(name):
                yield f"header name {quoted(name)} has control characters"
