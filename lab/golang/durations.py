"""Durations in Go's format, `1h`, `1.5s`, `250ms`, as in Istio, the Gateway API and CEL."""

from __future__ import annotations

import re

MILLISECOND = 1_000_000
SECOND = 1_000_000_000
"""In nanoseconds, which Go counts in."""

UNITS = {
    "h": 3600 * SECOND,
    "m": 60 * SECOND,
    "s": SECOND,
    "ms": MILLISECOND,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ns": 1,
}
LONGEST = 2**63
_PART = re.compile(rf"([0-9]*)(?:\.([0-9]*))?({'|'.join(sorted(UNITS, key=len, reverse=True))})")


def nanoseconds(text: str) -> int | None:
    """None if it is not a duration, or longer than Go can represent (292 years)."""
    sign, rest = (-1, text[1:]) if text[:1] == "-" else (1, text.removeprefix("+"))
    if rest == "0":
        return 0
    total = end = 0
    for part in _PART.finditer(rest):
        whole, fraction, unit = part.groups(default="")
        if part.start() != end or not (whole or fraction):
            return None
        total += int(whole or 0) * UNITS[unit]
        total += int(fraction or 0) * UNITS[unit] // 10 ** len(fraction)
        end = part.end()
    return sign * total if end and end == len(rest) and total < LONGEST else None


def seconds(text: str) -> float:
    """0 if it is not a duration."""
    return (nanoseconds(text) or 0) / SECOND
