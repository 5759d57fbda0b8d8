"""Regular expressions as RE2 reads them, and that nothing else of the lab asks the library."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from lab.golang import regexp
from lab.golang.regexp import NotAnExpression

LAB = Path(regexp.__file__).parents[1]


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("a(", "missing ): a("),
        ("(?=a)", r"invalid perl operator: (?="),
        (r"\C", r"invalid escape sequence: \C"),
        (r"\\\C", r"invalid escape sequence: \C"),
        ("(a)\\1", "invalid escape sequence: \\1"),
    ],
)
def test_what_go_does_not_read(expression: str, why: str) -> None:
    with pytest.raises(NotAnExpression) as refused:
        regexp.compiled(expression)
    assert str(refused.value) == why


def test_what_go_reads() -> None:
    assert regexp.compiled(r"a\\C").search(r"xa\C")
    assert [found.group() for found in regexp.compiled("[0-9]+").finditer("1 22")] == ["1", "22"]


def test_the_size_of_a_program_grows_with_what_it_repeats() -> None:
    assert regexp.program_size("a{10}") < regexp.program_size("a{1000}")
    with pytest.raises(NotAnExpression):
        regexp.program_size(r"\x{100}")


def imported(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return names | {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}


def test_one_module_asks_re2() -> None:
    assert [path for path in LAB.rglob("*.py") if "re2" in imported(path)] == [Path(regexp.__file__)]
