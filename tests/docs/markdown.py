"""Markdown as the tests of the documentation read it: prose apart from code, headings, links."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_FENCE = re.compile(r"\s*(```|~~~)")
_ITEM = re.compile(r"(\s*)(?:[-*]|\d+\.) +")
_LINK = re.compile(r"!?\[(?:[^][]|\[[^]]*\])*\]\(([^)\s]+)\)")
_SPAN = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class Line:
    number: int
    text: str
    is_code: bool
    """Whether it is in a fenced or an indented block."""

    @property
    def is_table(self) -> bool:
        return not self.is_code and self.text.lstrip().startswith("|")


@dataclass(frozen=True)
class Page:
    """A Markdown file; ``path`` is seen from the root of the project."""

    path: str

    @property
    def lines(self) -> tuple[Line, ...]:
        return _lines(self.path)

    @property
    def links(self) -> Iterator[tuple[int, str]]:
        """(number of the line, target) of each link and picture."""
        text = "\n".join(_SPAN.sub("", line.text) if not line.is_code else "" for line in self.lines)
        for found in _LINK.finditer(text):
            yield text.count("\n", 0, found.start()) + 1, found[1]

    @property
    def spans(self) -> Iterator[tuple[int, str]]:
        """(number of the line, text) of all that is set as code in a sentence or a table."""
        for line in self.lines:
            if not line.is_code:
                yield from ((line.number, found) for found in _SPAN.findall(line.text))

    @property
    def commands(self) -> Iterator[tuple[int, str]]:
        """(number of the line, text) of all that is set as code, be it in a block or in a sentence."""
        yield from ((line.number, line.text) for line in self.lines if line.is_code)
        yield from self.spans

    @property
    def anchors(self) -> set[str]:
        """What can stand behind a `#`: the headings as GitHub writes them."""
        return {
            _slug(line.text.lstrip("# ")) for line in self.lines if not line.is_code and line.text[:1] == "#"
        }


def pages() -> list[Page]:
    """Every Markdown file of the project that git knows, or would."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [Page(path) for path in listed.splitlines() if (ROOT / path).exists()]


@cache
def _lines(path: str) -> tuple[Line, ...]:
    return tuple(_classified((ROOT / path).read_text()))


def _classified(text: str) -> Iterator[Line]:
    fenced, indented, before, content = False, False, "", 0
    for number, line in enumerate(text.splitlines(), 1):
        depth = len(line) - len(line.lstrip())
        fence = bool(_FENCE.match(line))
        if not fenced and line.strip():
            item = _ITEM.match(line)
            indented = depth >= content + 4 and (indented or not before.strip())
            if not indented and item:
                content = len(item[0])
            elif not indented and not depth and not before.strip():
                content = 0
        yield Line(number, line, fenced or fence or (indented and bool(line.strip())))
        fenced ^= fence
        before = line


def _slug(heading: str) -> str:
    plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
