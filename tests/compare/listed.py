"""The differences at admission that are meant: docs/differences.md says why."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.compare.verdicts import Comparison, Outcome, blamed


@dataclass(frozen=True)
class Listed:
    """One way in which the reference answers otherwise than Istio, by what it says itself."""

    outcome: Outcome
    said: str
    """A regular expression; all that is blamed by one only must match it."""

    def covers(self, comparison: Comparison) -> bool:
        only = blamed(comparison.istio) ^ blamed(comparison.reference) - {""}
        return comparison.outcome is self.outcome and all(re.search(self.said, each) for each in only)


LISTED: tuple[Listed, ...] = ()


def is_listed(comparison: Comparison) -> bool:
    return any(each.covers(comparison) for each in LISTED)
