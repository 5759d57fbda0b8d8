"""Regular expressions as proxies take them: no larger than Istio lets them be.

A proxy refuses all that it was sent with an expression that it cannot read, so nobody may ask for one.
"""

from __future__ import annotations

from lab.golang import regexp
from lab.golang.regexp import NotAnExpression

LARGEST_PROGRAM = 32768
"""The size that RE2 may compile an expression to, which Istio's bootstrap allows
(``re2.max_program_size.error_level``); Envoy's own limit is 100."""

LONGEST = 1024
"""How many bytes Istio's webhook lets an expression be, which keeps it below that size in general."""

TOO_LONG = f"regex is too large, max length allowed is {LONGEST}"


def is_too_long(expression: str) -> bool:
    return len(expression.encode()) > LONGEST


def check(expression: str) -> None:
    """Raises NotAnExpression unless every proxy takes it."""
    if is_too_long(expression):
        raise NotAnExpression(TOO_LONG)
    size = regexp.program_size(expression)
    if size > LARGEST_PROGRAM:
        raise NotAnExpression(f"RE2 program size of {size} > max program size of {LARGEST_PROGRAM}")
