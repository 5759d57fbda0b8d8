"""The loop that every controller runs in: changes name the objects to look at, and each is reconciled once.

Reconciling is synchronous: it reads the store as it is now, writes what is missing and returns. So nothing
that it reads can change before it writes, and running it twice does nothing the second time.
"""

from __future__ import annotations

import asyncio
import calendar
import contextlib
import logging
import time
from collections.abc import Iterable
from typing import NamedTuple, Protocol

from lab.kube.store import ApiError, Event, Key, Store, SubscriptionOverflowError

log = logging.getLogger(__name__)

MANAGER = "kube-controller-manager"
#: Seconds until a refused write (by admission, say) is tried again.
RETRY = 5.0


class Request(NamedTuple):
    """An object to look at; `namespace` is "" for cluster-scoped kinds."""

    namespace: str
    name: str


class Reconciler(Protocol):
    """One controller."""

    @property
    def name(self) -> str: ...

    @property
    def watches(self) -> tuple[Key, ...]:
        """The kinds whose changes matter; none means all."""
        ...

    def affected(self, event: Event) -> Iterable[Request]:
        """The objects to reconcile after a change."""
        ...

    def reconcile(self, request: Request) -> float | None:
        """Brings one object to its wanted state. Returns the seconds after which to look again, if any."""
        ...


async def run(reconciler: Reconciler, store: Store) -> None:
    """Reconciles for ever."""
    while True:
        # After a burst too large for the queue everything is looked at anew: no single event is needed.
        with contextlib.suppress(SubscriptionOverflowError):
            await _follow(reconciler, store)


async def _follow(reconciler: Reconciler, store: Store) -> None:
    """Whatever is queued at once is one batch, so a burst of changes costs one pass."""
    again: dict[Request, float] = {}
    loop = asyncio.get_running_loop()
    async with store.subscribe(*reconciler.watches) as events:
        while True:
            batch: list[Event] = []
            try:
                async with asyncio.timeout_at(min(again.values(), default=None)):
                    batch.append(await anext(events))
            except TimeoutError:
                pass  # Something asked to be looked at again by now.
            batch += events.pending()
            due = [request for request, when in again.items() if when <= loop.time()]
            for request in dict.fromkeys(
                [*due, *(one for event in batch for one in reconciler.affected(event))]
            ):
                again.pop(request, None)
                seconds = _attempt(reconciler, request)
                if seconds is not None:
                    again[request] = loop.time() + seconds


def _attempt(reconciler: Reconciler, request: Request) -> float | None:
    """One look at an object. What the API refuses, as it might refuse any client, is tried again later."""
    try:
        return reconciler.reconcile(request)
    except ApiError as refusal:
        causes = (refusal.details or {}).get("causes") or ()
        # Whatever is missing in a namespace that ends will not be missed.
        if not any(cause["reason"] == "NamespaceTerminating" for cause in causes):
            where = "/".join(filter(None, request))
            log.warning("the %s controller was refused at %s: %s", reconciler.name, where, refusal.message)
        return RETRY


def timestamp(at: float | None = None) -> str:
    """Seconds since the epoch (now, unless given) as the API writes a time."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


def seconds_since(text: str) -> float:
    """Age of an API timestamp in seconds."""
    return time.time() - calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))
