"""Texts as Go prints them: each row is what `fmt.Printf("%q")` of Go printed."""

from __future__ import annotations

import pytest

from lab.golang.printing import quoted


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("plain", '"plain"'),
        ('a "b" \\', '"a \\"b\\" \\\\"'),
        ("\a\b\f\n\r\t\v", '"\\a\\b\\f\\n\\r\\t\\v"'),
        ("\x00\x1f\x7f", '"\\x00\\x1f\\x7f"'),
        ("\x80\xa0\u2028", '"\\u0080\\u00a0\\u2028"'),
        ("é→😀", '"é→😀"'),
        ("\U000e0001", '"\\U000e0001"'),
    ],
)
def test_quoted_as_go_prints_it(text: str, printed: str) -> None:
    assert quoted(text) == printed
