"""Regular expressions as proxies read them: RE2, no larger than Istio lets them be.

A proxy refuses all that it was sent with an expression that it cannot read, so nobody may ask for one.
"""

from __future__ import annotations

import re

import re2

LARGEST_PROGRAM = 32768
"""The size that RE2 may compile an expression to, which Istio's bootstrap allows
(``re2.max_program_size.error_level``); Envoy's own limit is 100."""

LONGEST = 1024
"""How many bytes Istio's webhook lets an expression be, which keeps it below that size in general."""

_ANY_BYTE = re.compile(r"(?<!\\)(?:\\\\)*\\C")
_GOS = re2.Options()
_GOS.log_errors = False
# So that nothing is too large: Go has a limit of another kind, which is further away.
_GOS.max_mem = 256 << 20
_ENVOYS = re2.Options()
_ENVOYS.log_errors = False
# It reads bytes, so that an escape (`\x{100}`) cannot be of more than one.
_ENVOYS.encoding = re2.Options.Encoding.LATIN1


class NotAnExpression(ValueError):
    """What RE2 cannot read, or no proxy takes; the message is in RE2's own words."""


def check_syntax(expression: str) -> None:
    """Raises NotAnExpression for what Go does not take for one."""
    if _ANY_BYTE.search(expression):
        raise NotAnExpression("invalid escape sequence: \\C")
    try:
        re2.compile(expression, _GOS)
    except re2.error as error:
        raise NotAnExpression(_words(error)) from None


def is_too_long(expression: str) -> bool:
    return len(expression.encode()) > LONGEST


TOO_LONG = f"regex is too large, max length allowed is {LONGEST}"


def check(expression: str) -> None:
    """Raises NotAnExpression unless every proxy takes it."""
    if is_too_long(expression):
        raise NotAnExpression(TOO_LONG)
    try:
        program = re2.compile(expression.encode(), _ENVOYS)
    except re2.error as error:
        raise NotAnExpression(_words(error)) from None
    if program.programsize > LARGEST_PROGRAM:
        size = f"RE2 program size of {program.programsize} > max program size of {LARGEST_PROGRAM}"
        raise NotAnExpression(size)


def _words(error: re2.error) -> str:
    said = error.args[0] if error.args else error
    return said.decode(errors="replace") if isinstance(said, bytes) else str(said)
