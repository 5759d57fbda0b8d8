"""`pods/log`: what a container has written, and with `follow` what it goes on writing until it ends.

The node keeps plain lines without times, so `timestamps` and the `since` parameters are refused.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from aiohttp import web

from lab.kube.api import containers
from lab.kube.errors import bad_request, invalid, invalid_value
from lab.kube.runtime import Runtime
from lab.kube.store import Key, Object, Store

PODS = Key("", "pods")
CHUNK = 64 * 1024
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

    @classmethod
    def of(cls, request: web.BaseRequest, pod: Object) -> Options:
        """Raises ApiError: 400, or 422 for a number out of range."""
        query = request.query
        for refused in ("timestamps", "sinceSeconds", "sinceTime"):
            if query.get(refused, "false") not in ("false", "0", ""):
                raise bad_request(f"{refused} is not supported: this node keeps no time of a log line")
        follow, previous = (query.get(name) in ("true", "True", "1") for name in ("follow", "previous"))
        return cls(
            containers.choose(pod, query.get("container", "")),
            follow,
            previous,
            _number(query.get("tailLines"), "tailLines", least=0),
            _number(query.get("limitBytes"), "limitBytes", least=1),
        )


async def handle(request: web.BaseRequest, pod: Object, runtime: Runtime, store: Store) -> web.StreamResponse:
    """A container's log as text. `store` tells a follower that the container has ended."""
    options = Options.of(request, pod)
    path = runtime.logs(pod, options.container, previous=options.previous)
    if path is None:
        raise bad_request(_why_none(pod, options))
    response = web.StreamResponse(headers={"Content-Type": "text/plain", "Cache-Control": "no-cache"})
    with _open(path) as file:
        if options.tail is not None:
            file.seek(_start_of_last_lines(file, options.tail))
        await response.prepare(request)
        try:
            left = await _copy(file, response, options.limit)
            if options.follow and not options.previous:
                await _follow(request, file, response, left, pod, options.container, store)
            await response.write_eof()
        except ConnectionError:
            pass  # The reader has seen enough.
    return response


async def _follow(
    request: web.BaseRequest,
    file: BinaryIO,
    response: web.StreamResponse,
    left: int | None,
    pod: Object,
    container: str,
    store: Store,
) -> None:
    metadata = pod["metadata"]
    run = containers.status_of(pod, container).get("restartCount", 0)
    # A client that leaves is noticed by its connection: nothing may be left to write to it.
    while left != 0 and request.transport is not None:
        live = store.get(PODS, metadata["namespace"], metadata["name"])
        if live is None or live["metadata"]["uid"] != metadata["uid"]:
            ended = True
        else:
            status = containers.status_of(live, container)
            ended = "terminated" in status.get("state", {}) or status.get("restartCount", 0) != run
        # The copy comes after the look at the status, so that the last lines are not lost.
        left = await _copy(file, response, left)
        if ended:
            return
        await asyncio.sleep(POLL)


async def _copy(file: BinaryIO, response: web.StreamResponse, left: int | None) -> int | None:
    """Sends what the file holds, at most `left` bytes; returns how many may still follow."""
    while left != 0 and (data := file.read(CHUNK if left is None else min(CHUNK, left))):
        await response.write(data)
        if left is not None:
            left -= len(data)
    return left


def _open(path: Path) -> BinaryIO:
    return path.open("rb", buffering=0)


def _start_of_last_lines(file: BinaryIO, count: int) -> int:
    """Offset at which the last `count` lines begin; a last line without line end counts."""
    end = file.seek(0, 2)
    if count == 0:
        return end
    wanted, position = count, end
    while position > 0:
        start = max(0, position - CHUNK)
        file.seek(start)
        block = file.read(position - start)
        at = len(block)
        if position == end and block.endswith(b"\n"):
            at -= 1
        while (at := block.rfind(b"\n", 0, at)) >= 0:
            wanted -= 1
            if wanted == 0:
                return start + at + 1
        position = start
    return 0


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
