"""What is taken for the same answer, and for another one."""

from __future__ import annotations

import pytest

from tests.compare.api_server import Answer
from tests.compare.verdicts import Comparison, Outcome, blamed

WEBHOOK = 'admission webhook "validation.istio.io" denied the request: '
ACCEPTED = Answer(201)


def denied(*problems: str) -> Answer:
    said = problems[0] if len(problems) == 1 else f"{len(problems)} errors occurred:"
    more = "".join(f"\n\t* {problem}" for problem in problems) + "\n\n" if len(problems) > 1 else ""
    return Answer(400, f"{WEBHOOK}configuration is invalid: {said}{more}")


@pytest.mark.parametrize(
    ("istio", "reference", "outcome"),
    [
        (ACCEPTED, ACCEPTED, Outcome.BOTH_ACCEPT),
        (ACCEPTED, Answer(201, warnings=("a",)), Outcome.ANOTHER_WARNING),
        (Answer(201, warnings=("a",)), Answer(201, warnings=("a",)), Outcome.BOTH_ACCEPT),
        (ACCEPTED, denied("a"), Outcome.ONLY_REFERENCE),
        (denied("a"), ACCEPTED, Outcome.ONLY_ISTIO),
        (denied("a", "b"), denied("b", "a"), Outcome.BOTH_REFUSE),
        (denied("a", "b"), denied("a"), Outcome.ANOTHER_FIELD),
        (Answer(422, "a", ("spec.a",)), Answer(422, "b", ("spec.a",)), Outcome.BOTH_REFUSE),
        (Answer(422, "a", ("spec.a",)), Answer(422, "a", ("spec.b",)), Outcome.ANOTHER_FIELD),
        (Answer(422, "a", ("spec.a",)), Answer(400, "a"), Outcome.ANOTHER_FIELD),
        (denied("bad port (x): one"), denied("bad port (x): two"), Outcome.BOTH_REFUSE),
        (denied("bad port (x): one"), denied("bad port (y): one"), Outcome.ANOTHER_FIELD),
    ],
)
def test_an_outcome(istio: Answer, reference: Answer, outcome: Outcome) -> None:
    assert Comparison(istio, reference).outcome is outcome


def test_one_error_of_a_list_is_that_error() -> None:
    said = f"{WEBHOOK}configuration is invalid: 1 error occurred:\n\t* issuer is missing\n\n"
    assert blamed(Answer(400, said)) == blamed(denied("issuer is missing")) == {"issuer is missing"}
