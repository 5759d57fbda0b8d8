"""Every message that docs/troubleshooting.md quotes is one that the program prints."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache

import pytest

from tests.docs.markdown import ROOT, Page

pytestmark = pytest.mark.reference_only("of the documentation")

PAGE = Page("docs/troubleshooting.md")
PROGRAMS = ("fixtures", "lab", "tools")
OTHER_SOURCES = ("Makefile", "tools/variables.mk")
LONG_ENOUGH = 8

_PLACEHOLDER = re.compile(r"<[^>]+>|\b\d[\d/]*\b")


def quoted() -> Iterator[tuple[int, str]]:
    """(number of the line, message) for each message in the first column of a table."""
    for line in PAGE.lines:
        cells = line.text.split("|")
        if line.is_table and "---" not in cells[1] and cells[1].strip() not in ("message", "you see"):
            yield from ((line.number, span) for span in re.findall(r"`([^`]+)`", cells[1]) or [""])


MESSAGES = tuple(quoted())


@pytest.mark.parametrize(("number", "message"), MESSAGES, ids=[message for _, message in MESSAGES])
def test_a_quoted_message_is_in_the_source(number: int, message: str) -> None:
    words = _words(message)
    assert max(map(len, words), default=0) >= LONG_ENOUGH, f"line {number} quotes no message"
    lost = [each for each in words if not any(each in text for text in _sources())]
    assert not lost, f"line {number} quotes what no program prints"


def _words(message: str) -> list[str]:
    """The parts of a message that are always the same: what is neither <a placeholder> nor a number."""
    return [part for part in (each.strip(' ,;:()"') for each in _PLACEHOLDER.split(message)) if part]


@cache
def _sources() -> tuple[str, ...]:
    """Each text in the source but docstrings, with {} for what is filled in."""
    texts = [(ROOT / path).read_text() for path in OTHER_SOURCES]
    for folder in PROGRAMS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            texts += _texts(ast.parse(path.read_text()))
    return tuple(texts)


def _texts(tree: ast.Module) -> Iterator[str]:
    silent = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in silent:
            yield node.value
