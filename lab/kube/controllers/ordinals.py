"""What a StatefulSet does next: pure decisions about its pods by ordinal, in Kubernetes' order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lab.kube.objects import Object


@dataclass(frozen=True)
class Member:
    """A pod of the set. `revision` is the name of the ControllerRevision that it was made from."""

    ordinal: int
    name: str
    revision: str
    ready: bool
    finished: bool
    terminating: bool
    seconds_until_available: float | None
    """None: it is not ready."""

    @property
    def healthy(self) -> bool:
        """It serves, and will do so."""
        return self.seconds_until_available == 0 and not self.terminating and not self.finished


@dataclass(frozen=True)
class Create:
    """Make a pod, from the new revision or the one before it."""

    ordinal: int
    updated: bool


@dataclass(frozen=True)
class Delete:
    name: str


@dataclass(frozen=True)
class Plan:
    """What is wanted: these numbers, in their order. Pods below `partition` keep the old revision."""

    wanted: range
    one_by_one: bool
    rolls: bool
    partition: int
    revision: str

    @classmethod
    def of(cls, spec: Object, revision: str) -> Plan:
        start = (spec.get("ordinals") or {}).get("start", 0)
        strategy = spec["updateStrategy"]
        rolls = strategy["type"] == "RollingUpdate"
        partition = (strategy.get("rollingUpdate") or {}).get("partition", 0) if rolls else 0
        return cls(
            wanted=range(start, start + spec["replicas"]),
            one_by_one=spec["podManagementPolicy"] == "OrderedReady",
            rolls=rolls,
            partition=start + partition,
            revision=revision,
        )


def next_actions(plan: Plan, members: Sequence[Member]) -> list[Create | Delete]:
    """What to do now. With OrderedReady: at most one action, and none while a pod starts or stops."""
    found: list[Create | Delete] = []
    by_ordinal = {member.ordinal: member for member in members}
    for action in _scaling(plan, by_ordinal):
        if action is not None:
            found.append(action)
        if plan.one_by_one:
            return found
    return found or list(_rolling(plan, by_ordinal))


def _scaling(plan: Plan, members: Mapping[int, Member]) -> Iterator[Create | Delete | None]:
    """Each thing that is missing or too much; None for one that takes its time."""
    for ordinal in plan.wanted:
        member = members.get(ordinal)
        if member is None:
            yield Create(ordinal, updated=not plan.rolls or ordinal >= plan.partition)
        elif member.finished and not member.terminating:
            yield Delete(member.name)
        elif not member.healthy:
            yield None
    for ordinal in sorted(members.keys() - set(plan.wanted), reverse=True):
        member = members[ordinal]
        yield None if member.terminating else Delete(member.name)


def _rolling(plan: Plan, members: Mapping[int, Member]) -> Iterator[Delete]:
    """The last pod of an old revision goes next, once all behind it are well."""
    if not plan.rolls:
        return
    for ordinal in reversed(plan.wanted):
        member = members.get(ordinal)
        if member is None or ordinal < plan.partition:
            return
        if member.revision != plan.revision and not member.terminating:
            yield Delete(member.name)
            return
        if not member.healthy:
            return
