"""How a Deployment moves from old ReplicaSets to the new one: pure arithmetic on replica counts.

The rules are those of the Deployment controller of Kubernetes, less its proportional scaling of a rollout
that is scaled half-way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lab.kube.objects import Object

DEFAULT_STEP = "25%"


@dataclass(frozen=True)
class Counts:
    """One ReplicaSet: its replicas, and how many of them are available."""

    name: str
    wanted: int
    available: int


@dataclass(frozen=True)
class Bounds:
    """maxSurge and maxUnavailable of a rolling update, as numbers of pods."""

    surge: int
    unavailable: int

    @classmethod
    def of(cls, deployment_spec: Object) -> Bounds:
        """Percentages round up for maxSurge and down for maxUnavailable; both 0 would never move."""
        strategy = deployment_spec.get("strategy") or {}
        replicas = deployment_spec["replicas"]
        if strategy.get("type") == "Recreate":
            return cls(0, 0)
        steps = strategy.get("rollingUpdate") or {}
        surge = _absolute(steps.get("maxSurge", DEFAULT_STEP), replicas, up=True)
        unavailable = _absolute(steps.get("maxUnavailable", DEFAULT_STEP), replicas, up=False)
        if surge == 0 and unavailable == 0:
            unavailable = 1
        return cls(surge, min(unavailable, replicas))


def rolling(desired: int, bounds: Bounds, new: Counts, old: Sequence[Counts]) -> dict[str, int]:
    """The next replica counts by name; empty when there is nothing to do. `old` is sorted by age."""
    total = new.wanted + sum(each.wanted for each in old)
    if new.wanted > desired:
        return {new.name: desired}
    room = desired + bounds.surge - total
    if new.wanted < desired and room > 0:
        return {new.name: new.wanted + min(room, desired - new.wanted)}
    return _shrink_old(desired - bounds.unavailable, total, new, old)


def _shrink_old(least_available: int, total: int, new: Counts, old: Sequence[Counts]) -> dict[str, int]:
    spare = total - least_available - (new.wanted - new.available)
    if spare <= 0:
        return {}
    counts = {each.name: each.wanted for each in old}
    # Replicas that are not available are no loss: they go first.
    for each in old:
        broken = min(spare, each.wanted - each.available)
        counts[each.name] -= broken
        spare -= broken
    available = new.available + sum(each.available for each in old)
    spare = min(spare, available - least_available)
    for each in old:
        going = max(0, min(spare, counts[each.name]))
        counts[each.name] -= going
        spare -= going
    return {each.name: counts[each.name] for each in old if counts[each.name] != each.wanted}


def recreate(desired: int, new: Counts, old: Sequence[Counts], *, old_pods: int) -> dict[str, int]:
    """Nothing new until the last old pod is gone. `old_pods` counts terminating ones too."""
    shrinking = {each.name: 0 for each in old if each.wanted}
    if shrinking or old_pods:
        return shrinking
    return {new.name: desired} if new.wanted != desired else {}


def _absolute(step: int | str, replicas: int, *, up: bool) -> int:
    if isinstance(step, int):
        return step
    share = int(step.removesuffix("%")) * replicas
    return -(-share // 100) if up else share // 100
