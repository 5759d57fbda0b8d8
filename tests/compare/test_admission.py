"""Differences at admission are found, made small and told; those that are listed are only counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lab.kube.client import ApiError
from lab.mesh.config import current
from lab.mesh.config.cel_rules import CEL_RULES
from tests.compare import admission
from tests.compare.admission import Comparer
from tests.compare.api_server import Answer, Document
from tests.compare.verdicts import Outcome
from tests.mesh.admission import Admission

Spec = dict[str, Any]
FAULT = 'admission webhook "validation.istio.io" denied the request: configuration is invalid: no DENY today'


class InProcess:
    """An API server as a comparer knows it, with the reference's admission and one mistake."""

    def __init__(self, mistake: Callable[[Spec], Answer | None] = lambda _: None) -> None:
        self._admission = Admission(CEL_RULES)
        self._mistake = mistake

    async def definition(self, name: str) -> Document:
        return next(each for each in current.API.definitions() if each["metadata"]["name"] == name)

    async def ask(self, plural: str, document: Document) -> Answer:
        if isinstance(document["spec"], dict) and (wrong := self._mistake(document["spec"])):
            return wrong
        try:
            self._admission.create(document["kind"], document["spec"])
        except ApiError as error:
            causes = (error.details or {}).get("causes") or ()
            return Answer(error.code, error.message, tuple(cause.get("field", "") for cause in causes))
        return Answer(201)


def in_process(mistake: Callable[[Spec], Answer | None] = lambda _: None) -> Any:
    return InProcess(mistake)


def no_deny(spec: Spec) -> Answer | None:
    return Answer(400, FAULT) if spec.get("action") == "DENY" else None


async def test_what_is_the_same_is_no_difference() -> None:
    comparer = Comparer(in_process(), in_process())
    await comparer.run(seed=1, number=200)
    found = comparer.found
    assert found.counts.total() == 200
    assert {outcome for _, outcome in found.counts} == {Outcome.BOTH_ACCEPT, Outcome.BOTH_REFUSE}
    assert found.unlisted == []


async def test_a_difference_is_printed_as_small_as_it_can_be() -> None:
    comparer = Comparer(in_process(), in_process(no_deny))
    await comparer.run(seed=1, number=200)
    told = admission._told(comparer.found, seed=1, seconds=1.0)
    assert f"# {Outcome.ONLY_REFERENCE}" in told
    assert "# Istio: accepted\n# the reference: admission webhook" in told
    smallest = [document["spec"] for document, _ in comparer.found.smallest.values()]
    assert {"action": "DENY", "rules": [{}]} in smallest
    assert f"{len(comparer.found.unlisted)} differences that are not listed" in told


@pytest.mark.parametrize("status", [600, 700])
async def test_only_what_is_listed_is_listed(status: int) -> None:
    why = f"HTTP status {status} is not in range 200-599"
    comparer = Comparer(in_process(), in_process(lambda _: Answer(400, FAULT.replace("no DENY today", why))))
    await comparer.run(seed=1, number=30)
    listed, unlisted = comparer.found.listed.total(), comparer.found.unlisted
    only = [each for _, _, each in unlisted if each.outcome is Outcome.ONLY_REFERENCE]
    assert (listed > 0, only == []) == (status == 600, status == 600)
