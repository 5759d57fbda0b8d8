"""The arithmetic of a roll-out, as far as it can be checked without a cluster."""

from __future__ import annotations

import pytest

from lab.kube.controllers.rollout import Bounds, Counts, recreate, rolling


def deployment_spec(replicas: int, surge: object, unavailable: object) -> dict[str, object]:
    steps = {"maxSurge": surge, "maxUnavailable": unavailable}
    return {"replicas": replicas, "strategy": {"type": "RollingUpdate", "rollingUpdate": steps}}


@pytest.mark.parametrize(
    ("replicas", "surge", "unavailable", "expected"),
    [
        (1, "25%", "25%", Bounds(1, 0)),
        (4, "25%", "25%", Bounds(1, 1)),
        (10, "25%", "25%", Bounds(3, 2)),
        (3, 0, 0, Bounds(0, 1)),
        (3, "0%", "10%", Bounds(0, 1)),
        (2, 1, 5, Bounds(1, 2)),
        (0, "25%", "25%", Bounds(0, 0)),
    ],
)
def test_percentages_round_up_for_surge_and_down_for_unavailable(replicas, surge, unavailable, expected):
    assert Bounds.of(deployment_spec(replicas, surge, unavailable)) == expected


def walk(desired: int, bounds: Bounds, old_replicas: int) -> list[tuple[int, int]]:
    """Replica counts (new, old) of a roll-out whose pods become ready one step after they are asked for."""
    new, old = Counts("new", 0, 0), Counts("old", old_replicas, old_replicas)
    steps = [(new.wanted, old.wanted)]
    for _ in range(50):
        plan = rolling(desired, bounds, new, [old])
        if not plan and new.available == new.wanted:
            return steps
        new = Counts("new", plan.get("new", new.wanted), new.wanted)
        wanted_old = plan.get("old", old.wanted)
        old = Counts("old", wanted_old, min(old.available, wanted_old))
        steps.append((new.wanted, old.wanted))
    raise AssertionError(f"the roll-out does not end: {steps}")


@pytest.mark.parametrize(
    ("desired", "bounds"), [(1, Bounds(1, 0)), (4, Bounds(1, 1)), (4, Bounds(0, 1)), (5, Bounds(5, 0))]
)
def test_a_rollout_ends_and_never_leaves_its_bounds(desired, bounds):
    steps = walk(desired, bounds, desired)
    assert steps[-1] == (desired, 0)
    assert max(new + old for new, old in steps) <= desired + bounds.surge
    assert min(new + old for new, old in steps) >= desired - bounds.unavailable


def test_an_old_pod_stays_until_its_successor_is_available():
    bounds = Bounds(1, 0)
    assert rolling(1, bounds, Counts("new", 0, 0), [Counts("old", 1, 1)]) == {"new": 1}
    assert rolling(1, bounds, Counts("new", 1, 0), [Counts("old", 1, 1)]) == {}
    assert rolling(1, bounds, Counts("new", 1, 1), [Counts("old", 1, 1)]) == {"old": 0}


def test_broken_old_pods_go_first():
    olds = [Counts("older", 2, 2), Counts("broken", 2, 0)]
    assert rolling(4, Bounds(1, 1), Counts("new", 1, 1), olds) == {"broken": 0}


def test_scaling_reaches_the_only_replica_set():
    bounds = Bounds(1, 1)
    assert rolling(5, bounds, Counts("new", 2, 2), []) == {"new": 5}
    assert rolling(1, bounds, Counts("new", 4, 4), []) == {"new": 1}


def test_recreate_waits_for_the_last_old_pod():
    old = [Counts("old", 2, 2)]
    assert recreate(2, Counts("new", 0, 0), old, old_pods=2) == {"old": 0}
    assert recreate(2, Counts("new", 0, 0), [Counts("old", 0, 0)], old_pods=1) == {}
    assert recreate(2, Counts("new", 0, 0), [Counts("old", 0, 0)], old_pods=0) == {"new": 2}
