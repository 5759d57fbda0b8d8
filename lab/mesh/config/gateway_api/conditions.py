"""Conditions, as statuses of the Gateway API list them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lab.kube.client import Object


@dataclass(frozen=True)
class Condition:
    kind: str
    holds: bool
    reason: str
    message: str


def dated(wanted: Iterable[Condition], before: Sequence[Object], generation: int, now: str) -> list[Object]:
    """Conditions of a status; one whose status has not changed keeps its time (RFC 3339)."""
    earlier = {condition["type"]: condition for condition in before}
    return [_dated(each, earlier.get(each.kind), generation, now) for each in wanted]


def _dated(condition: Condition, before: Object | None, generation: int, now: str) -> Object:
    status = str(condition.holds)
    kept = before is not None and before["status"] == status
    return {
        "type": condition.kind,
        "status": status,
        "reason": condition.reason,
        "message": condition.message,
        "observedGeneration": generation,
        "lastTransitionTime": before["lastTransitionTime"] if kept and before is not None else now,
    }
