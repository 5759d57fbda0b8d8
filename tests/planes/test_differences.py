"""The list of differences is whole: each is named by a test, and what tests name is there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.planes import differences
from tests.planes.differences import ROOT, Either, Malformed, NotListed, difference, listed, on, parse

HEAD = "| id | what |\n|---|---|\n"
LINE = "| a-b | ports | 503 | reset | nobody asks | v1 |"
NAMED = re.compile(r'\b(?:differs|Either|difference)\(\s*"([^"]*)"')


def named() -> set[str]:
    """By a test, or by a program that compares both."""
    here = {ROOT / "tests" / "planes" / name for name in ("differences.py", "test_differences.py")}
    files = [path for folder in ("tests", "tools") for path in (ROOT / folder).rglob("*.py")]
    return {name for path in files if path not in here for name in NAMED.findall(path.read_text())}


def test_each_is_named_and_all_that_are_named_are_listed() -> None:
    assert named() == set(listed())


def test_each_says_which_istio_it_was_seen_with() -> None:
    assert [one.id for one in listed().values() if not re.search(r"v?\d+\.\d+", one.seen)] == []


def test_a_document_is_read_line_by_line() -> None:
    more = LINE.replace("a-b", "c") + "\n\n| not | a | line | of | the | table |"
    assert list(parse(f"text\n{HEAD}{LINE}\n{more}")) == ["a-b", "c"]
    assert parse(f"{HEAD}{LINE}")["a-b"].reference == "reset"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (LINE.replace("reset", ""), "something in each"),
        (LINE.replace("| v1 ", ""), "six cells"),
        (LINE.replace("a-b", "A b"), "not A b"),
        (f"{LINE}\n{LINE}", "twice"),
    ],
)
def test_lines_that_are_no_differences(line: str, why: str) -> None:
    with pytest.raises(Malformed, match=why):
        parse(f"{HEAD}{line}")


@pytest.fixture
def a_b(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(differences, "listed", lambda: parse(f"{HEAD}{LINE}"))


@pytest.mark.usefixtures("a_b")
def test_what_is_expected_depends_on_the_plane() -> None:
    table = {"x": (1, Either("a-b", reference=2, istio=3)), "y": [4]}
    assert on("reference", table) == {"x": (1, 2), "y": [4]}
    assert on("istio", table) == {"x": (1, 3), "y": [4]}


@pytest.mark.usefixtures("a_b")
def test_what_is_not_listed_and_what_does_not_differ_is_refused() -> None:
    with pytest.raises(NotListed, match="has no line c"):
        difference("c")
    with pytest.raises(ValueError, match="1 on both is no difference"):
        Either("a-b", reference=1, istio=1)


SAMPLE = """
import pytest
from tests.planes import differences, option
from tests.planes.differences import parse
option.missing = lambda: ""
differences.listed = lambda: parse({document!r})

@differences.differs("a-b")
def test_gone(): assert True

@differences.differs("a-b")
def test_still_there(): assert False

@differences.differs("a-b")
def test_broken(): raise OSError

@pytest.mark.reference_only("files")
def test_files(): assert False

def test_same(): assert True
"""


ON_ISTIO = {"passed": 1, "failed": 2, "xfailed": 1, "deselected": 1}
ON_THE_REFERENCE = {"passed": 2, "failed": 3}


@pytest.mark.parametrize(("plane", "outcomes"), [("istio", ON_ISTIO), ("reference", ON_THE_REFERENCE)])
def test_a_listed_difference_that_is_gone_fails_on_istio(
    tmp_path: Path, plane: str, outcomes: dict[str, int]
) -> None:
    file = tmp_path / "test_sample.py"
    file.write_text(SAMPLE.format(document=f"{HEAD}{LINE}"))
    options = ["-c", "pytest.ini", "-p", "no:cacheprovider", "-p", "tests.planes.option", "--plane", plane]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--quiet", *options, str(file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    said = done.stdout.splitlines()[-1].partition(" in ")[0]
    found = {word: int(count) for count, word in re.findall(r"(\d+) (\w+)", said)}
    assert found == outcomes, done.stdout
