"""Durations as Go reads them: each row is what `time.ParseDuration` of Go said."""

from __future__ import annotations

import pytest

from lab.golang.durations import nanoseconds, seconds


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("0", 0),
        ("1h30m", 5_400_000_000_000),
        ("1.5s", 1_500_000_000),
        ("-250ms", -250_000_000),
        ("+1us", 1_000),
        ("1µs1ns", 1_001),
        (".5s", 500_000_000),
        ("1.s", 1_000_000_000),
        ("", None),
        ("1", None),
        ("s", None),
        (".s", None),
        ("1 s", None),
        ("1d", None),
        ("2562047h47m16.854775807s", 2**63 - 1),
        ("2562047h47m16.854775808s", None),
    ],
)
def test_read_as_go_reads_it(text: str, read: int | None) -> None:
    assert nanoseconds(text) == read


def test_in_seconds_what_is_no_time_is_none() -> None:
    assert (seconds("250ms"), seconds("nonsense")) == (0.25, 0.0)
