"""What a StatefulSet does next, as far as it can be checked without a cluster."""

from __future__ import annotations

from typing import Any

import pytest

from lab.kube.controllers.ordinals import Create, Delete, Member, Plan, next_actions


def plan(replicas: int = 3, *, parallel: bool = False, on_delete: bool = False, **more: Any) -> Plan:
    strategy: dict[str, Any] = {
        "type": "RollingUpdate",
        "rollingUpdate": {"partition": more.pop("partition", 0)},
    }
    return Plan.of(
        {
            "replicas": replicas,
            "podManagementPolicy": "Parallel" if parallel else "OrderedReady",
            "updateStrategy": {"type": "OnDelete"} if on_delete else strategy,
            **more,
        },
        "new",
    )


def pods(*states: str, revision: str = "new") -> list[Member]:
    """By their ordinals: `up`, `starting`, `failed`, `going`, `gone`, and with `-old` of the old revision."""
    return [
        Member(
            ordinal=ordinal,
            name=f"web-{ordinal}",
            revision="old" if state.endswith("-old") else revision,
            ready=(kind := state.removesuffix("-old")) == "up",
            finished=kind == "failed",
            terminating=kind == "going",
            seconds_until_available=0.0 if kind == "up" else None,
        )
        for ordinal, state in enumerate(states)
        if state != "gone"
    ]


@pytest.mark.parametrize(
    ("wanted", "there", "expected"),
    [
        (plan(), pods(), [Create(0, updated=True)]),
        (plan(), pods("starting"), []),
        (plan(), pods("up"), [Create(1, updated=True)]),
        (plan(), pods("up", "gone", "up"), [Create(1, updated=True)]),
        (plan(), pods("failed", "up", "up"), [Delete("web-0")]),
        (plan(), pods("going", "up", "up"), []),
        (plan(), pods("up", "up", "up"), []),
        (plan(parallel=True), pods("starting"), [Create(1, updated=True), Create(2, updated=True)]),
        (plan(ordinals={"start": 2}, replicas=1), pods(), [Create(2, updated=True)]),
        # Scaling down: the last one first, and only where all that stay are well.
        (plan(1), pods("up", "up", "up"), [Delete("web-2")]),
        (plan(1), pods("up", "up", "going"), []),
        (plan(1), pods("starting", "up", "up"), []),
        (plan(1, parallel=True), pods("starting", "up", "up"), [Delete("web-2"), Delete("web-1")]),
        # Rolling: the last one first, once all behind it are well.
        (plan(), pods("up-old", "up-old", "up-old"), [Delete("web-2")]),
        (plan(), pods("up-old", "up-old", "gone"), [Create(2, updated=True)]),
        (plan(), pods("up-old", "up-old", "starting"), []),
        (plan(), pods("up-old", "up-old", "up"), [Delete("web-1")]),
        (plan(parallel=True), pods("up-old", "up-old", "starting"), []),
        (plan(partition=2), pods("up-old", "up-old", "up"), []),
        (plan(partition=2), pods("up-old", "gone", "up"), [Create(1, updated=False)]),
        (plan(on_delete=True), pods("up-old", "up-old", "up-old"), []),
        (plan(on_delete=True), pods("up-old", "gone", "up-old"), [Create(1, updated=True)]),
    ],
)
def test_what_comes_next(wanted: Plan, there: list[Member], expected: list[Create | Delete]) -> None:
    assert next_actions(wanted, there) == expected
