"""The state of the cluster: objects in memory, one revision counter, and watches of what changes.

Everything here belongs to one event loop; nothing locks. A stored object is never changed: whoever wants
another one clones it, changes the clone and writes it through `Client`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Literal

from lab.kube.objects import GroupResource, Object, place_of

# `list` is also the name of a method of the store.
ObjectList = list[Object]


@dataclass(frozen=True)
class WatchEvent:
    """One change. `object` of a deletion is its last state, with the revision of the deletion."""

    type: Literal["ADDED", "MODIFIED", "DELETED"]
    key: GroupResource
    object: Object
    previous: Object | None
    revision: int


EventList = list[WatchEvent]


class WatchOverflow(Exception):
    """The reader of a watch fell too far behind; it must read the store again and watch anew."""


class Watch:
    """An async iterator of events. Closing it (or leaving `async with`) ends the iteration."""

    def __init__(
        self, store: Store, keys: frozenset[GroupResource], replay: Iterable[WatchEvent], capacity: int
    ) -> None:
        self._store = store
        self.keys = keys
        self._queue: deque[WatchEvent] = deque(replay)
        # The replay is as large as the store is; only what comes afterwards counts as falling behind.
        self._limit = len(self._queue) + capacity
        self._waiter: asyncio.Future[None] | None = None
        self._closed = False
        self._overflowed = False

    def push(self, event: WatchEvent) -> None:
        """Called by the store."""
        if len(self._queue) >= self._limit:
            self._overflowed = True
            self._queue.clear()
            self._store.unwatch(self)
        elif not self._overflowed:
            self._queue.append(event)
        self._wake()

    def pending(self) -> list[WatchEvent]:
        """Takes all queued events, without waiting."""
        self._check()
        events = list(self._queue)
        self._queue.clear()
        return events

    def close(self) -> None:
        self._closed = True
        self._store.unwatch(self)
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _check(self) -> None:
        if self._overflowed:
            raise WatchOverflow("a watch fell behind the store")

    def __aiter__(self) -> Watch:
        return self

    async def __anext__(self) -> WatchEvent:
        while True:
            self._check()
            if self._closed:
                raise StopAsyncIteration
            if self._queue:
                return self._queue.popleft()
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None

    async def __aenter__(self) -> Watch:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class Store:
    """All objects. Anyone may read; only the write pipeline may call `put` and `remove`.

    `history` is how many events are remembered for watches that resume; an older revision gets a 410.
    """

    def __init__(self, history: int = 5_000) -> None:
        self.revision = 1
        self._objects: dict[GroupResource, dict[tuple[str, str], Object]] = {}
        self._history: deque[WatchEvent] = deque(maxlen=history)
        self._forgotten = self.revision
        self._watches: dict[GroupResource | None, list[Watch]] = {}

    def get(self, key: GroupResource, namespace: str, name: str) -> Object | None:
        """The object, or None. `namespace` is "" for cluster-scoped kinds."""
        return self._objects.get(key, {}).get((namespace, name))

    def list(self, key: GroupResource, namespace: str | None = None) -> ObjectList:
        """All objects of a kind, or those of one namespace, sorted by (namespace, name)."""
        objects = self._objects.get(key, {})
        places = sorted(place for place in objects if namespace is None or place[0] == namespace)
        return [objects[place] for place in places]

    def keys(self) -> frozenset[GroupResource]:
        """The kinds that have, or once had, objects."""
        return frozenset(self._objects)

    def watch(self, *keys: GroupResource, replay: bool = True, capacity: int = 20_000) -> Watch:
        """Events from now on; with `replay` the current objects first, as ADDED, with no gap between.

        No keys means every kind. `capacity` bounds how many events a slow reader may leave waiting.
        """
        wanted = frozenset(keys)
        current: list[WatchEvent] = []
        if replay:
            current = [
                WatchEvent("ADDED", key, obj, None, int(obj["metadata"]["resourceVersion"]))
                for key in (keys or self._objects)
                for obj in self.list(key)
            ]
        watch = Watch(self, wanted, current, capacity)
        for key in wanted or (None,):
            self._watches.setdefault(key, []).append(watch)
        return watch

    def unwatch(self, watch: Watch) -> None:
        for watches in self._watches.values():
            if watch in watches:
                watches.remove(watch)

    def since(self, revision: int, key: GroupResource) -> EventList | None:
        """The events of a kind after a revision; None when some of them are forgotten."""
        if revision < self._forgotten:
            return None
        return [event for event in self._history if event.revision > revision and event.key == key]

    @property
    def oldest(self) -> int:
        """The oldest revision that a watch may resume from."""
        return self._forgotten

    def put(self, key: GroupResource, obj: Object) -> Object:
        """Stores an object (which the caller gives away) under the next revision."""
        place = place_of(obj)
        objects = self._objects.setdefault(key, {})
        previous = objects.get(place)
        self.revision += 1
        obj["metadata"]["resourceVersion"] = str(self.revision)
        objects[place] = obj
        self._publish(WatchEvent("MODIFIED" if previous else "ADDED", key, obj, previous, self.revision))
        return obj

    def remove(self, key: GroupResource, namespace: str, name: str) -> Object:
        """Forgets an object; returns its last state with the revision of the deletion."""
        last = self._objects[key].pop((namespace, name))
        self.revision += 1
        gone = {**last, "metadata": {**last["metadata"], "resourceVersion": str(self.revision)}}
        self._publish(WatchEvent("DELETED", key, gone, last, self.revision))
        return gone

    def _publish(self, event: WatchEvent) -> None:
        if len(self._history) == self._history.maxlen:
            self._forgotten = self._history[0].revision
        self._history.append(event)
        for watch in (*self._watches.get(event.key, ()), *self._watches.get(None, ())):
            watch.push(event)
