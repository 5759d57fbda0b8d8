"""Waiting for ConfigMaps, Secrets and ServiceAccounts that a pod needs and that are not there yet."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from lab.kube.client import CONFIG_MAPS, SECRETS, SERVICE_ACCOUNTS, Store
from lab.node.pods.downward_api import ConfigMissing

_WAITED_FOR = (CONFIG_MAPS, SECRETS, SERVICE_ACCOUNTS)

T = TypeVar("T")


async def once_there(store: Store, attempt: Callable[[], T], missing: Callable[[str], None]) -> T:
    """What `attempt` returns once it no longer raises ConfigMissing; `missing` is told each new reason.

    It is tried again whenever something changes that it may have waited for.
    """
    try:
        return attempt()
    except ConfigMissing as first:
        said = str(first)
    async with store.watch(*_WAITED_FOR, replay=False) as changes:
        missing(said)
        while True:
            await anext(changes)
            changes.pending()
            try:
                return attempt()
            except ConfigMissing as again:
                if str(again) != said:
                    said = str(again)
                    missing(said)
