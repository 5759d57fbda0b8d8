"""Revisions, subscriptions and what a store remembers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from lab.kube.group_resources import PODS, SERVICES
from lab.kube.store import Store, WatchOverflow


def named(name: str, namespace: str = "foo", **more: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": namespace}, **more}


async def test_replay_is_followed_by_news_without_gap_or_double():
    store = Store()
    store.put(PODS, named("b"))
    store.put(PODS, named("a"))
    async with store.watch(PODS) as events:
        store.put(PODS, named("a", spec={"x": 1}))
        store.put(SERVICES, named("a"))
        store.remove(PODS, "foo", "b")
        seen = [await anext(events) for _ in range(4)]
    assert [(e.type, e.object["metadata"]["name"]) for e in seen] == [
        ("ADDED", "a"),
        ("ADDED", "b"),
        ("MODIFIED", "a"),
        ("DELETED", "b"),
    ]
    assert seen[2].previous == named("a") | {
        "metadata": {"name": "a", "namespace": "foo", "resourceVersion": "3"}
    }
    assert [e.revision for e in seen] == [3, 2, 4, 6]
    assert seen[3].object["metadata"]["resourceVersion"] == "6"


async def test_pending_takes_what_is_queued_and_does_not_wait():
    store = Store()
    events = store.watch(replay=False)
    assert events.pending() == []
    store.put(PODS, named("a"))
    store.put(SERVICES, named("b"))
    assert [e.key for e in events.pending()] == [PODS, SERVICES]
    assert events.pending() == []


async def test_closing_ends_an_iteration_that_waits():
    store = Store()
    events = store.watch(PODS)
    waiting = asyncio.create_task(anext(events, None))
    await asyncio.sleep(0)
    events.close()
    assert await waiting is None


async def test_a_cancelled_wait_loses_nothing():
    store = Store()
    events = store.watch(PODS)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await anext(events)
    store.put(PODS, named("a"))
    assert (await anext(events)).object["metadata"]["name"] == "a"


async def test_a_reader_that_falls_behind_is_told_so():
    store = Store()
    events = store.watch(PODS, capacity=2)
    for name in "abc":
        store.put(PODS, named(name))
    with pytest.raises(WatchOverflow):
        await anext(events)


def test_a_replay_larger_than_the_capacity_is_no_overflow():
    store = Store()
    for name in "abc":
        store.put(PODS, named(name))
    events = store.watch(PODS, capacity=1)
    store.put(PODS, named("d"))
    assert len(events.pending()) == 4


def test_history_is_bounded_and_says_when_it_has_forgotten():
    store = Store(history=3)
    revisions = [int(store.put(PODS, named(name))["metadata"]["resourceVersion"]) for name in "abcde"]
    assert store.since(revisions[0], PODS) is None
    remembered = store.since(revisions[1], PODS)
    assert remembered is not None
    assert [e.revision for e in remembered] == revisions[2:]
    assert store.since(store.revision, PODS) == []


def test_lists_are_sorted_by_namespace_and_name():
    store = Store()
    for namespace, name in (("b", "a"), ("a", "z"), ("a", "b")):
        store.put(PODS, named(name, namespace))
    assert [(o["metadata"]["namespace"], o["metadata"]["name"]) for o in store.list(PODS)] == [
        ("a", "b"),
        ("a", "z"),
        ("b", "a"),
    ]
    assert len(store.list(PODS, "a")) == 2
