"""Validation of string matches (`exact`, `prefix`, `regex`), in the words of Istio's webhook."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lab.golang import regexp
from lab.golang.printing import quoted
from lab.golang.regexp import NotAnExpression
from lab.mesh.envoy import expressions

StringMatch = Mapping[str, str]

SYNTAX = "Istio uses RE2 style regex-based match (https://github.com/google/re2/wiki/Syntax)"


def match_problems(match: StringMatch, where: str) -> Iterator[str]:
    if match.get("prefix") == "":
        yield f"{quoted(where)}: prefix string match should not be empty"
    yield from expression_problems(match, where)


def expression_problems(match: StringMatch, where: str) -> Iterator[str]:
    """The problems of a `regex`, if the match has one."""
    if match.get("regex") == "":
        yield f"{quoted(where)}: regex string match should not be empty"
    elif "regex" in match:
        yield from syntax_problems(match["regex"], where)


def syntax_problems(expression: str, where: str) -> Iterator[str]:
    if expressions.is_too_long(expression):
        yield f"{quoted(where)}: {expressions.TOO_LONG}"
        return
    try:
        regexp.compiled(expression)
    except NotAnExpression as error:
        yield f"{quoted(where)}: error parsing regexp: {error}; {SYNTAX}"
