"""What two answers to one object have in common: the verdict, and for a refusal what is blamed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from tests.compare.api_server import Answer

WEBHOOK = re.compile(r'admission webhook "[\w.]*validation\.istio\.io" denied the request: ', re.DOTALL)
SEVERAL = re.compile(r"^\d+ errors? occurred:$")

# What libraries of Go say in words of their own, after what Istio says.
DETAILS = tuple(
    (re.compile(pattern, re.DOTALL), kept)
    for pattern, kept in (
        (r"(error parsing regexp): .*; Istio uses RE2 style.*", r"\1"),
        (r"(jwks parse error): .*", r"\1"),
        (r"(bad CIDR range \(.*?\)): .*", r"\1"),
        (r"(port name must be set|port number must be 0 for unix domain socket): .*", r"\1"),
        (r'(parse ".*"): .*', r"\1"),
        (r"(percentage) \S+ (is neither)", r"\1 \2"),
        (r"(bad port \(.*?\)): .*", r"\1"),
        (r"(error decoding configuration: (?:bad Duration|illegal base64 data)).*", r"\1"),
    )
)


class Outcome(StrEnum):
    """As a column of the table."""

    BOTH_ACCEPT = "both accept"
    BOTH_REFUSE = "both refuse"
    ONLY_ISTIO = "only Istio refuses"
    ONLY_REFERENCE = "only the reference refuses"
    ANOTHER_FIELD = "refuse for another field"
    ANOTHER_WARNING = "warn of something else"

    @property
    def differs(self) -> bool:
        return self not in (Outcome.BOTH_ACCEPT, Outcome.BOTH_REFUSE)


def blamed(answer: Answer) -> frozenset[str]:
    """What is wrong with the object: fields where a schema says so, else the problems, one by one."""
    if answer.code == 422 and answer.fields:
        return frozenset(answer.fields)
    message = WEBHOOK.sub("", answer.message).removeprefix("configuration is invalid: ")
    first, *more = message.rstrip("\n").split("\n\t* ")
    problems = more if SEVERAL.match(first) else [first]
    return frozenset(_without_details(each) for each in problems)


def _without_details(problem: str) -> str:
    for pattern, kept in DETAILS:
        problem = pattern.sub(kept, problem)
    return problem


@dataclass(frozen=True)
class Comparison:
    """Both answers to one object."""

    istio: Answer
    reference: Answer

    @cached_property
    def outcome(self) -> Outcome:
        if self.istio.accepted:
            if not self.reference.accepted:
                return Outcome.ONLY_REFERENCE
            same = self.istio.warnings == self.reference.warnings
            return Outcome.BOTH_ACCEPT if same else Outcome.ANOTHER_WARNING
        if self.reference.accepted:
            return Outcome.ONLY_ISTIO
        same = self.istio.code == self.reference.code and blamed(self.istio) == blamed(self.reference)
        return Outcome.BOTH_REFUSE if same else Outcome.ANOTHER_FIELD
