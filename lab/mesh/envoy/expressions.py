"""Regular expressions that proxies accept: no larger than Istio permits.

A proxy rejects the whole update that contains an invalid expression, so admission rejects it first.
"""

from __future__ import annotations

from lab.golang import regexp
from lab.golang.regexp import NotAnExpression

LARGEST_PROGRAM = 32768
"""The size that RE2 may compile an expression to, which Istio's bootstrap allows
(``re2.max_program_size.error_level``); Envoy's own limit is 100."""

LONGEST = 1024
"""The limit of Istio's webhook, in bytes; it usually keeps an expression below that size."""

TOO_LONG = f"regex is too large, max length allowed is {LONGEST}"


def is_too_long(expression: str) -> bool:
    return len(expression.encode()) > LONGEST


def check(expression: str) -> None:
    """Raises NotAnExpression unless every proxy accepts it."""
    if is_too_long(expression):
        raise NotAnExpression(TOO_LONG)
    size = regexp.program_size(expression)
    if size > LARGEST_PROGRAM:
        raise NotAnExpression(f"RE2 program size of {size} > max program size of {LARGEST_PROGRAM}")
