"""The differences at admission that are meant: what Istio accepts, and the reference refuses."""

from __future__ import annotations

import re

from tests.compare.verdicts import Comparison, Outcome, blamed
from tests.planes.differences import Difference, difference

REFUSED_BY_THE_REFERENCE: tuple[tuple[Difference, str], ...] = (
    (difference("line-ends-in-headers"), r"has control characters|^header (name|prefix) .* is not valid$"),
    (difference("path-templates-that-end-envoy"), r": no proxy can read the path template "),
    (difference("condition-keys-that-mean-nothing"), r": (unknown attribute: |bad key )"),
    (difference("names-without-a-letter"), r"name of a query parameter is|has a part without a name"),
    (difference("claims-without-a-text"), r"claim \".*\" needs exact, prefix or regex"),
    (difference("redirect-codes-of-http"), r"^redirectCode \d+ is none of "),
    (difference("status-600"), r"^HTTP status 600 is not in range"),
    (difference("expressions-of-go"), r"^regex "),
)
"""With a regular expression for what the reference says then."""


def is_listed(comparison: Comparison) -> bool:
    """Whether all that the reference has against an object is what is listed."""
    return comparison.outcome is Outcome.ONLY_REFERENCE and all(
        any(re.search(said, problem, re.DOTALL) for _, said in REFUSED_BY_THE_REFERENCE)
        for problem in blamed(comparison.reference)
    )
