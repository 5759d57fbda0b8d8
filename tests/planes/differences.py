"""The list of differences between the reference mesh and real Istio, docs/differences.md, as tests use it.

To add one: write a line into the table of the document (an id of lower-case words and dashes; no cell empty;
the version of Istio it was seen with), and name its id where it is met, in one of three ways:

- ``@differs("id")``, or ``marks=differs("id")`` of a ``pytest.param``: on Istio the whole test must fail.
- ``Either("id", reference=..., istio=...)`` as what is expected, also within a table of which the other rows
  are the same; ``on(plane, table)`` says what is expected on that plane.
- ``difference("id")`` where a program compares both by itself and has to know what is listed.

An id that is in the document and nowhere else fails tests/planes/test_differences.py; so does the opposite.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "differences.md"
Kind = Literal["reference", "istio"]


@dataclass(frozen=True)
class Difference:
    """A line of the document."""

    id: str
    what: str
    istio: str
    reference: str
    why: str
    seen: str

    def __str__(self) -> str:
        return f"docs/differences.md, {self.id}: {self.what}"


class NotListed(LookupError):
    """A test names a difference that the document does not have."""


class Malformed(ValueError):
    """A line of the document's table that cannot be a difference."""


def parse(text: str) -> dict[str, Difference]:
    """The differences of a document, by their ids. Raises Malformed."""
    found: dict[str, Difference] = {}
    for line in _rows(text):
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
        if len(cells) != 6 or not all(cells):
            raise Malformed(f"not six cells with something in each: {line}")
        one = Difference(*cells)
        if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", one.id):
            raise Malformed(f"an id is lower-case words and dashes, not {one.id}")
        if one.id in found:
            raise Malformed(f"{one.id} is there twice")
        found[one.id] = one
    return found


def _rows(text: str) -> Iterator[str]:
    lines = iter(text.splitlines())
    for line in lines:
        if line.startswith("|---"):
            break
    for line in lines:
        if not line.startswith("|"):
            return
        yield line


@cache
def listed() -> Mapping[str, Difference]:
    return parse(DOCUMENT.read_text())


def difference(name: str) -> Difference:
    """A difference that is listed. Raises NotListed."""
    try:
        return listed()[name]
    except KeyError:
        raise NotListed(f"{DOCUMENT.relative_to(ROOT)} has no line {name}") from None


@dataclass(frozen=True)
class Either:
    """What is expected where the two are known to differ."""

    id: str
    reference: Any
    istio: Any

    def __post_init__(self) -> None:
        difference(self.id)
        if self.reference == self.istio:
            raise ValueError(f"{self.id}: {self.istio!r} on both is no difference")


def on(plane: Kind, expected: Any) -> Any:
    """What is expected on this plane: each Either in it, at whatever depth, is one or the other."""
    if isinstance(expected, Either):
        return getattr(expected, plane)
    if isinstance(expected, dict):
        return {key: on(plane, value) for key, value in expected.items()}
    if isinstance(expected, list | tuple | set):
        return type(expected)(on(plane, value) for value in expected)
    return expected


def differs(name: str) -> pytest.MarkDecorator:
    """Of a test whose assertion does not hold on Istio: if it does, the test fails there."""
    difference(name)
    return pytest.mark.differs(name)
