"""Regular expressions as RE2 reads them: Go's package regexp, and C++ programs such as Envoy.

Nothing else in the lab asks the library.
"""

from __future__ import annotations

import re
from typing import Protocol

import re2

_ANY_BYTE = re.compile(r"(?<!\\)(?:\\\\)*\\C")
_GOS = re2.Options()
_GOS.log_errors = False
# So that nothing is too large: Go has a limit of another kind, which is further away.
_GOS.max_mem = 256 << 20
_BYTES = re2.Options()
_BYTES.log_errors = False
# It reads bytes, so that an escape (`\x{100}`) cannot be of more than one.
_BYTES.encoding = re2.Options.Encoding.LATIN1


class NotAnExpression(ValueError):
    """An expression that RE2 cannot parse, or no proxy accepts; the message is RE2's."""


class Pattern(Protocol):
    """The part of Python's own `re.Pattern` that RE2 has, too."""

    def search(self, text: str) -> re.Match[str] | None: ...

    def finditer(self, text: str) -> list[re.Match[str]]: ...


def compiled(expression: str) -> Pattern:
    """Compiles it as Go does. Raises NotAnExpression."""
    if _ANY_BYTE.search(expression):
        raise NotAnExpression("invalid escape sequence: \\C")
    try:
        found: Pattern = re2.compile(expression, _GOS)
    except re2.error as error:
        raise NotAnExpression(_words(error)) from None
    return found


def program_size(expression: str) -> int:
    """The size of the program that C++'s RE2 compiles it to. Raises NotAnExpression."""
    try:
        return int(re2.compile(expression.encode(), _BYTES).programsize)
    except re2.error as error:
        raise NotAnExpression(_words(error)) from None


def _words(error: re2.error) -> str:
    said = error.args[0] if error.args else error
    return said.decode(errors="replace") if isinstance(said, bytes) else str(said)
