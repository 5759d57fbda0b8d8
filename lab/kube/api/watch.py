"""Watches: a stream of changes, resumed from a revision, with bookmarks and an end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

import orjson
from aiohttp import web

from lab.kube import errors
from lab.kube.api import tables
from lab.kube.api.negotiation import negotiate
from lab.kube.api.queries import Selection, flag, number
from lab.kube.api.render import LIST_SHAPES, OBJECT_SHAPES
from lab.kube.objects import Object
from lab.kube.store import Store, Watch, WatchEvent, WatchOverflow
from lab.kube.writing.replacement import in_version

# Events that may wait for a slow client before its watch is ended; it then lists anew.
CAPACITY = 2_000
# Seconds: how long a watch lasts unless the client says so, between bookmarks, and that one write may take.
DEFAULT_DURATION, BOOKMARK_INTERVAL, WRITE_TIMEOUT = 1800, 10.0, 30.0


@dataclass(frozen=True)
class WatchOptions:
    """`revision` None means: start with the current objects."""

    revision: int | None
    seconds: float
    bookmarks: bool
    initial_events: bool
    shape: str
    include: str

    @classmethod
    def of(cls, request: web.BaseRequest, store: Store) -> WatchOptions:
        """Raises a 400, 406, 422 or, for a revision of the future, a 504."""
        query = request.query
        revision = number(query, "resourceVersion")
        check_revision(revision, store)
        initial = flag(query, "sendInitialEvents")
        if initial and query.get("resourceVersionMatch") != "NotOlderThan":
            detail = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
            cause = errors.field_forbidden("resourceVersionMatch", detail)
            raise errors.invalid("meta.k8s.io", "ListOptions", "", [cause])
        accepted = negotiate(request.headers.get("Accept"), (*OBJECT_SHAPES, *LIST_SHAPES))
        include = query.get("includeObject", "")
        if include and include not in tables.INCLUDES:
            raise errors.bad_request(f"unrecognized includeObject value: {include!r}")
        return cls(
            revision=None if revision == 0 or initial else revision,
            seconds=number(query, "timeoutSeconds") or DEFAULT_DURATION,
            bookmarks=flag(query, "allowWatchBookmarks"),
            initial_events=initial,
            shape=accepted.shape,
            include=include,
        )


def check_revision(revision: int, store: Store) -> None:
    """Raises a 504 for a revision that this store has not reached."""
    if revision > store.revision:
        message = f"Too large resource version: {revision}, current: {store.revision}"
        cause = errors.Cause("ResourceVersionTooLarge", "", "Too large resource version")
        details = {"causes": [cause.as_object()], "retryAfterSeconds": 1}
        raise errors.ApiError(504, "Timeout", message, details=details)


async def serve(request: web.BaseRequest, selection: Selection, store: Store) -> web.StreamResponse:
    """Streams changes until the timeout, or until the client disconnects or falls too far behind."""
    options = WatchOptions.of(request, store)
    stream = _Stream(selection, options)
    # Subscribing and reading the past happen without a pause between, so nothing is missed or doubled.
    with_past = list(stream.past(store))
    async with store.watch(selection.resource.key, replay=False, capacity=CAPACITY) as events:
        response = web.StreamResponse(
            headers={"Content-Type": "application/json", "Cache-Control": "no-cache, private"}
        )
        response.enable_chunked_encoding()
        await response.prepare(request)
        try:
            for start in range(0, len(with_past), 100):
                await _write(response, with_past[start : start + 100])
            if not stream.expired:
                await _follow(response, stream, events, store)
            await response.write_eof()
        except (ConnectionError, TimeoutError, WatchOverflow):
            # The client is gone, does not read, or is too slow: it will watch again, or never.
            response.force_close()
        return response


async def _write(response: web.StreamResponse, lines: list[bytes]) -> None:
    if lines:
        async with asyncio.timeout(WRITE_TIMEOUT):
            await response.write(b"".join(lines))


async def _follow(response: web.StreamResponse, stream: _Stream, events: Watch, store: Store) -> None:
    loop = asyncio.get_running_loop()
    end = loop.time() + stream.options.seconds
    while (now := loop.time()) < end:
        wait = min(end, now + BOOKMARK_INTERVAL) if stream.options.bookmarks else end
        try:
            async with asyncio.timeout_at(wait):
                batch = [await anext(events), *events.pending()]
        except TimeoutError:
            if stream.options.bookmarks:
                await _write(response, [stream.bookmark(store.revision)])
            continue
        except StopAsyncIteration:
            return
        await _write(response, [line for event in batch for line in stream.lines(event)])


class _Stream:
    """Turns events into lines."""

    def __init__(self, selection: Selection, options: WatchOptions) -> None:
        self.options = options
        self.expired = False
        self._selection = selection
        self._resource = selection.resource

    def past(self, store: Store) -> Iterator[bytes]:
        """What comes before anything new: the current objects, or the events since a revision."""
        key = self._resource.key
        if self.options.revision is None:
            for obj in store.list(key, self._selection.namespace or None):
                if self._selection.takes(obj):
                    yield self._line("ADDED", obj)
            if self.options.initial_events:
                yield self.bookmark(store.revision, initial_end=True)
            return
        missed = store.since(self.options.revision, key)
        if missed is None:
            self.expired = True
            text = f"too old resource version: {self.options.revision} ({store.oldest})"
            yield _encoded("ERROR", errors.expired(text).status())
            return
        for event in missed:
            yield from self.lines(event)

    def lines(self, event: WatchEvent) -> Iterator[bytes]:
        """An object that begins or ceases to match the selectors is added or deleted for this watcher."""
        takes = self._selection.takes
        before = event.previous is not None and takes(event.previous)
        after = event.type != "DELETED" and takes(event.object)
        if after:
            yield self._line("MODIFIED" if before else "ADDED", event.object)
        elif before:
            yield self._line("DELETED", event.object)

    def _line(self, kind: str, obj: Object) -> bytes:
        obj = in_version(self._resource, obj)
        if self.options.shape == "Table":
            metadata = {"resourceVersion": obj["metadata"]["resourceVersion"]}
            obj = tables.table(self._resource, [obj], metadata, self.options.include)
        elif self.options.shape:
            obj = tables.metadata_only(obj)
        return _encoded(kind, obj)

    def bookmark(self, revision: int, *, initial_end: bool = False) -> bytes:
        metadata: Object = {"resourceVersion": str(revision)}
        if initial_end:
            metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
        resource = self._resource
        obj: Object = {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata}
        if self.options.shape == "Table":
            obj = tables.table(resource, [], {"resourceVersion": str(revision)}) | {
                "rows": [{"cells": [""] * len(resource.columns), "object": tables.metadata_only(obj)}]
            }
        elif self.options.shape:
            obj = tables.metadata_only(obj)
        return _encoded("BOOKMARK", obj)


def _encoded(kind: str, obj: Object) -> bytes:
    return orjson.dumps({"type": kind, "object": obj}) + b"\n"
