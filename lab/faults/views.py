"""Views of the cluster for a faulty control plane: late, stale or misreported objects."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from typing import Any, cast

from lab.kube.client import Client, GroupResource, Object, Review, Store, Watch, WatchEvent

Report = Callable[[GroupResource, Object, Object], Object]
"""(kind, the object, the status that a controller wants to report) -> the status that it reports."""


class View:
    """The cluster as it is, but for what a subclass has of its own."""

    def __init__(self, objects: Client) -> None:
        self._objects = objects

    def __getattr__(self, name: str) -> Any:
        return getattr(self._objects, name)


class Reporting(View):
    """Reports another status than it was told to."""

    def __init__(self, objects: Client, report: Report) -> None:
        super().__init__(objects)
        self._report = report

    def set_status(
        self, key: GroupResource, namespace: str, name: str, status: Object, *, manager: str
    ) -> Object | None:
        found = self._objects.store.get(key, namespace, name)
        reported = status if found is None else self._report(key, found, status)
        return self._objects.set_status(key, namespace, name, reported, manager=manager)


class Unreviewed(View):
    """Takes objects of some kinds whatever a mesh has against them."""

    def __init__(self, objects: Client, keys: Collection[GroupResource]) -> None:
        super().__init__(objects)
        self._keys = frozenset(keys)

    def review(self, key: GroupResource, review: Review) -> None:
        if key not in self._keys:
            self._objects.review(key, review)


class Writing(View):
    """Makes other objects than it was told to."""

    def __init__(self, objects: Client, change: Callable[[Object], Object]) -> None:
        super().__init__(objects)
        self._change = change

    def create(self, key: GroupResource, obj: Object, *, manager: str, dry_run: bool = False) -> Object:
        return self._objects.create(key, self._change(obj), manager=manager, dry_run=dry_run)


class Belated(View):
    """Knows what another store knows: some of it late, or not at all."""

    def __init__(self, objects: Client, store: Store) -> None:
        super().__init__(objects)
        self.store = store


class _BelatedStore(Store):
    """Lists objects of some kinds late; who watches is told again when there is something to be listed."""

    def __init__(self, store: Store, keys: Collection[GroupResource], seconds: float) -> None:
        super().__init__()
        self._store = store
        self._keys = frozenset(keys)
        self._seconds = seconds
        self._watchers: list[Watch] = []

    def get(self, key: GroupResource, namespace: str, name: str) -> Object | None:
        return self._store.get(key, namespace, name)

    def watch(self, *keys: GroupResource, replay: bool = True, capacity: int = 20_000) -> Watch:
        watch = self._store.watch(*keys, replay=replay, capacity=capacity)
        self._watchers.append(watch)
        return watch

    def _tell_later(self, key: GroupResource, seconds: float | None = None) -> None:
        asyncio.get_running_loop().call_later(seconds or self._seconds, self._tell, key)

    def _tell(self, key: GroupResource) -> None:
        for watch in self._watchers:
            if key in watch.keys:
                watch.push(WatchEvent("MODIFIED", key, {}, None, self._store.revision))


class _DelayedStore(_BelatedStore):
    """What is listed is as old as the delay."""

    def __init__(self, store: Store, keys: Collection[GroupResource], seconds: float) -> None:
        super().__init__(store, keys, seconds)
        self._seen: dict[GroupResource, list[tuple[float, list[Object]]]] = {}

    def list(self, key: GroupResource, namespace: str | None = None) -> list[Object]:
        now, current = time.monotonic(), self._store.list(key, namespace)
        if key not in self._keys or namespace is not None:
            return current
        seen = self._seen.setdefault(key, [(now, current)])
        if seen[-1][1] != current:
            seen.append((now + self._seconds, current))
            self._tell_later(key)
        while len(seen) > 1 and seen[1][0] <= now:
            seen.pop(0)
        return seen[0][1]


class _LateStore(_BelatedStore):
    """What is new is listed when the delay is over; what is gone is not listed any more."""

    def __init__(self, store: Store, keys: Collection[GroupResource], seconds: float) -> None:
        super().__init__(store, keys, seconds)
        self._known_at: dict[str, float] = {}

    def list(self, key: GroupResource, namespace: str | None = None) -> list[Object]:
        now, current = time.monotonic(), self._store.list(key, namespace)
        if key not in self._keys:
            return current
        for obj in current:
            if obj["metadata"]["uid"] not in self._known_at:
                self._known_at[obj["metadata"]["uid"]] = now + self._seconds
                self._tell_later(key)
        return [obj for obj in current if self._known_at[obj["metadata"]["uid"]] <= now]


class _PartialStore(Store):
    """Lists not all objects of a kind."""

    def __init__(self, store: Store, key: GroupResource, listed: Callable[[Object], bool]) -> None:
        super().__init__()
        self._store = store
        self._key = key
        self._listed = listed

    def get(self, key: GroupResource, namespace: str, name: str) -> Object | None:
        return self._store.get(key, namespace, name)

    def list(self, key: GroupResource, namespace: str | None = None) -> list[Object]:
        found = self._store.list(key, namespace)
        return found if key != self._key else [obj for obj in found if self._listed(obj)]

    def watch(self, *keys: GroupResource, replay: bool = True, capacity: int = 20_000) -> Watch:
        return self._store.watch(*keys, replay=replay, capacity=capacity)


def partial(objects: Client, key: GroupResource, listed: Callable[[Object], bool]) -> Client:
    """The cluster for a control plane that sees only some objects of a kind."""
    return cast(Client, Belated(objects, _PartialStore(objects.store, key, listed)))


class _RemindingStore(_BelatedStore):
    """Tells who watches again, so many seconds after each change: nothing is late."""

    def __init__(self, store: Store, keys: Collection[GroupResource], after: Sequence[float]) -> None:
        super().__init__(store, keys, max(after))
        self._after = after
        self._seen: dict[GroupResource, list[Object]] = {}

    def list(self, key: GroupResource, namespace: str | None = None) -> list[Object]:
        current = self._store.list(key, namespace)
        if key in self._keys and namespace is None and self._seen.get(key) != current:
            self._seen[key] = current
            for seconds in self._after:
                self._tell_later(key, seconds)
        return current


def reminded(objects: Client, keys: Collection[GroupResource], *after: float) -> Client:
    """The cluster for a control plane that looks again, so many seconds after it has seen a change."""
    return cast(Client, Belated(objects, _RemindingStore(objects.store, keys, after)))


def delayed(objects: Client, keys: Collection[GroupResource], seconds: float) -> Client:
    """The cluster for a control plane that is late."""
    return cast(Client, Belated(objects, _DelayedStore(objects.store, keys, seconds)))


def late(objects: Client, keys: Collection[GroupResource], seconds: float) -> Client:
    """The cluster for a control plane that notices new objects late."""
    return cast(Client, Belated(objects, _LateStore(objects.store, keys, seconds)))


def reporting(objects: Client, report: Report) -> Client:
    """The cluster for a control plane that says something else of it than it knows."""
    return cast(Client, Reporting(objects, report))


def writing(objects: Client, change: Callable[[Object], Object]) -> Client:
    """The cluster for a control plane that makes other objects in it than it should."""
    return cast(Client, Writing(objects, change))


def unreviewed(objects: Client, keys: Collection[GroupResource]) -> Client:
    """The cluster for a control plane that takes whatever its users declare of these kinds."""
    return cast(Client, Unreviewed(objects, keys))
