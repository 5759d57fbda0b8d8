"""`pods/log`: the log of a container, and with `follow` also what it writes until it ends."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from aiohttp import web

from lab.kube.api import containers
from lab.kube.api.log_lines import CHUNK, Stamper, start_of_last, start_since
from lab.kube.errors import Cause, bad_request, invalid, invalid_value
from lab.kube.group_resources import PODS
from lab.kube.objects import Object
from lab.kube.runtime import Runtime
from lab.kube.store import Store

#: Seconds between two looks at a followed file: a file says nothing when it grows.
POLL = 0.05


@dataclass(frozen=True)
class Options:
    """The query of a log request (PodLogOptions)."""

    container: str
    follow: bool
    previous: bool
    tail: int | None
    limit: int | None
    since: float | None
    """Seconds since the epoch."""
    timestamps: bool

    @classmethod
    def of(cls, request: web.BaseRequest, pod: Object) -> Options:
        """Raises ApiError: 400, or 422 for a number out of range."""
        query = request.query
        follow, previous, timestamps = (
            query.get(name) in ("true", "True", "1") for name in ("follow", "previous", "timestamps")
        )
        seconds = _number(query.get("sinceSeconds"), "sinceSeconds", least=1)
        moment = _moment(query.get("sinceTime"))
        if seconds is not None and moment is not None:
            message = "Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified"
            raise invalid("", "PodLogOptions", "", [Cause("FieldValueForbidden", "", message)])
        if seconds is not None:
            moment = time.time() - seconds
        return cls(
            containers.choose(pod, query.get("container", "")),
            follow,
            previous,
            _number(query.get("tailLines"), "tailLines", least=0),
            _number(query.get("limitBytes"), "limitBytes", least=1),
            moment,
            timestamps,
        )


async def handle(request: web.BaseRequest, pod: Object, runtime: Runtime, store: Store) -> web.StreamResponse:
    """A container's log as text. `store` tells a follower that the container has ended."""
    options = Options.of(request, pod)
    log = runtime.logs(pod, options.container, previous=options.previous)
    if log is None:
        raise bad_request(_why_none(pod, options))
    response = web.StreamResponse(headers={"Content-Type": "text/plain", "Cache-Control": "no-cache"})
    with _open(log.path) as file:
        start = 0 if options.tail is None else start_of_last(file, options.tail)
        if options.since is not None:
            start = max(start, start_since(file, log.marks(), options.since))
        file.seek(start)
        stamper = Stamper(start, log.marks) if options.timestamps else None
        await response.prepare(request)
        try:
            copy = _Copy(file, response, stamper, options.limit)
            await copy.all()
            if options.follow and not options.previous:
                await _follow(request, copy, pod, options.container, store)
            await response.write_eof()
        except ConnectionError:
            pass  # The reader has seen enough.
    return response


class _Copy:
    """From a file to a client, at most `left` bytes."""

    def __init__(
        self, file: BinaryIO, response: web.StreamResponse, stamper: Stamper | None, left: int | None
    ) -> None:
        self._file, self._response, self._stamper = file, response, stamper
        self.left = left

    async def all(self) -> None:
        """Sends what the file holds beyond what it has held before."""
        while self.left != 0 and (data := self._file.read(CHUNK)):
            if self._stamper is not None:
                data = self._stamper.stamped(data)
            if self.left is not None:
                data = data[: self.left]
                self.left -= len(data)
            await self._response.write(data)


async def _follow(request: web.BaseRequest, copy: _Copy, pod: Object, container: str, store: Store) -> None:
    metadata = pod["metadata"]
    run = containers.status_of(pod, container).get("restartCount", 0)
    # A client that leaves is noticed by its connection: nothing may be left to write to it.
    while copy.left != 0 and request.transport is not None:
        live = store.get(PODS, metadata["namespace"], metadata["name"])
        if live is None or live["metadata"]["uid"] != metadata["uid"]:
            ended = True
        else:
            status = containers.status_of(live, container)
            ended = "terminated" in status.get("state", {}) or status.get("restartCount", 0) != run
        # The copy comes after the look at the status, so that the last lines are not lost.
        await copy.all()
        if ended:
            return
        await asyncio.sleep(POLL)


def _open(path: Path) -> BinaryIO:
    return path.open("rb", buffering=0)


def _why_none(pod: Object, options: Options) -> str:
    named = f'"{options.container}" in pod "{pod["metadata"]["name"]}"'
    if options.previous:
        return f"previous terminated container {named} not found"
    state = containers.status_of(pod, options.container).get("state", {})
    reason = state.get("waiting", {}).get("reason")
    if reason in ("ErrImagePull", "ImagePullBackOff", "InvalidImageName"):
        return f"container {named} is waiting to start: trying and failing to pull image"
    return f"container {named} is waiting to start: {reason or 'ContainerCreating'}"


def _number(text: str | None, field: str, *, least: int) -> int | None:
    if text is None:
        return None
    try:
        number = int(text)
    except ValueError:
        raise bad_request(f"{field}: {text!r} is not a number") from None
    if number < least:
        detail = f"must be greater than {'or equal to 0' if least == 0 else '0'}"
        raise invalid("", "PodLogOptions", "", [invalid_value(field, number, detail)])
    return number


def _moment(text: str | None) -> float | None:
    """Seconds since the epoch of an RFC 3339 time."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise bad_request(f"sinceTime: {text!r} is no time as RFC 3339 writes them")
    return found.timestamp()
