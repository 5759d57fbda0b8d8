"""Times as Go writes them: `1h`, `1.5s`, `250ms`."""

from __future__ import annotations

import re

UNITS = {
    "h": 3_600_000_000_000,
    "m": 60_000_000_000,
    "s": 1_000_000_000,
    "ms": 1_000_000,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ns": 1,
}
LONGEST = 2**63
_PART = re.compile(rf"([0-9]*)(?:\.([0-9]*))?({'|'.join(sorted(UNITS, key=len, reverse=True))})")


def nanoseconds(text: str) -> int | None:
    """None where it is no time, or longer than Go can count (292 years)."""
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
