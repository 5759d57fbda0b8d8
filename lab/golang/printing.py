"""Texts as Go programs print them: quoted strings (`%q`), and several errors as one (go-multierror)."""

from __future__ import annotations

from collections.abc import Sequence

_ESCAPED = dict(zip('\a\b\f\n\r\t\v\\"', 'abfnrtv\\"', strict=True))


def quoted(text: str) -> str:
    """As Go's `%q` prints it."""
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(letter: str) -> str:
    if letter in _ESCAPED:
        return f"\\{_ESCAPED[letter]}"
    if letter.isprintable():
        return letter
    number = ord(letter)
    if number < 0x80:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def listed(problems: Sequence[str]) -> str:
    """Several problems as Go's multierror prints them."""
    lines = "".join(f"\n\t* {problem}" for problem in problems)
    count = "1 error" if len(problems) == 1 else f"{len(problems)} errors"
    return f"{count} occurred:{lines}\n\n"
