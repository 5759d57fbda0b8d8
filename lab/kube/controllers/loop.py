"""The control loop of every controller: changes name the objects to reconcile, each once.

Reconciling waits for nothing but admission webhooks: it reads the store as it is now, writes what is missing
and returns. Without webhooks nothing that it reads can change before it writes. With some, objects are
reconciled side by side, so that one which waits holds up no other; a write that comes too late is refused,
and the object is looked at again. Running it twice does nothing the second time.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

from lab.kube.errors import ApiError
from lab.kube.objects import GroupResource
from lab.kube.store import Store, WatchEvent, WatchOverflow
from lab.kube.writing.pipeline import at_once

log = logging.getLogger(__name__)

MANAGER = "kube-controller-manager"
#: Seconds until a refused write (by admission, say) is tried again.
RETRY = 5.0


class Request(NamedTuple):
    """An object to reconcile; `namespace` is "" for cluster-scoped kinds."""

    namespace: str
    name: str


class Reconciler(Protocol):
    """One controller."""

    @property
    def name(self) -> str: ...

    @property
    def watches(self) -> tuple[GroupResource, ...]:
        """The kinds whose changes matter; none means all."""
        ...

    def affected(self, event: WatchEvent) -> Iterable[Request]:
        """The objects to reconcile after a change."""
        ...

    async def reconcile(self, request: Request) -> float | None:
        """Reconciles one object. Returns the seconds after which to do it again, if any."""
        ...


async def run(reconciler: Reconciler, store: Store, waits: Callable[[], bool]) -> None:
    """Reconciles, forever. `waits` says whether a write may have to wait for webhooks."""
    while True:
        # After a burst too large for the queue everything is looked at anew: no single event is needed.
        with contextlib.suppress(WatchOverflow):
            following = _Following(reconciler)
            try:
                await following.follow(store, waits)
            finally:
                await following.stop()


class _Following:
    """Everything in the queue is one batch, so that a burst of changes costs one pass."""

    def __init__(self, reconciler: Reconciler) -> None:
        self._reconciler = reconciler
        # When to look at what again.
        self._again: dict[Request, float] = {}
        # What is being looked at, and whether it has changed since.
        self._running: dict[Request, bool] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._pause: asyncio.Timeout | None = None
        self._failure: BaseException | None = None

    async def follow(self, store: Store, waits: Callable[[], bool]) -> None:
        loop = asyncio.get_running_loop()
        async with store.watch(*self._reconciler.watches) as events:
            while True:
                batch: list[WatchEvent] = []
                with contextlib.suppress(TimeoutError):  # Something asked to be looked at again by now.
                    async with asyncio.timeout_at(min(self._again.values(), default=None)) as self._pause:
                        batch.append(await anext(events))
                if self._failure is not None:
                    raise self._failure
                batch += events.pending()
                due = [request for request, when in self._again.items() if when <= loop.time()]
                named = [request for event in batch for request in self._reconciler.affected(event)]
                for request in dict.fromkeys([*due, *named]):
                    self._again.pop(request, None)
                    if request in self._running:
                        self._running[request] = True
                    elif waits():
                        self._start(request)
                    else:
                        self._note(request, at_once(_attempt(self._reconciler, request)))

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, request: Request) -> None:
        self._running[request] = False
        task = asyncio.get_running_loop().create_task(self._look(request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _look(self, request: Request) -> None:
        try:
            seconds = await _attempt(self._reconciler, request)
        except Exception as failure:  # noqa: BLE001 - whatever it is ends the controller
            self._failure, seconds = failure, 0.0
        changed = self._running.pop(request)
        self._note(request, 0.0 if changed else seconds)
        # Whoever waits for the next event has not known of this.
        if self._again and self._pause is not None and not self._pause.expired():
            with contextlib.suppress(RuntimeError):  # it is over already
                self._pause.reschedule(min(self._again.values()))

    def _note(self, request: Request, seconds: float | None) -> None:
        if seconds is not None:
            self._again[request] = asyncio.get_running_loop().time() + seconds


async def _attempt(reconciler: Reconciler, request: Request) -> float | None:
    """Reconciles an object once. If the API rejects a write, as it might for any client, retries later."""
    try:
        return await reconciler.reconcile(request)
    except ApiError as refusal:
        if refusal.reason == "Conflict":
            return 0.0  # Somebody else was faster while a webhook was asked.
        causes = (refusal.details or {}).get("causes") or ()
        # Whatever is missing in a namespace that ends will not be missed.
        if not any(cause.get("reason") == "NamespaceTerminating" for cause in causes):
            where = "/".join(filter(None, request))
            log.warning("the %s controller was refused at %s: %s", reconciler.name, where, refusal.message)
        return RETRY
