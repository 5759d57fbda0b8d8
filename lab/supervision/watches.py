"""The inotify instances that were reserved before the lab started, until its proxies take them."""

from __future__ import annotations

import asyncio
import os
import socket

from lab.host.watch_reserve import A_PROXY, received
from lab.node.images.programs import AlterLaunch, Launch

_HELD_S = 30.0
"""A playground starts within seconds; a lab without one by then frees the instances for others."""


class Watches:
    """Holds the instances in `channel` for half a minute. Those of proxies that end are not held again."""

    def __init__(self, channel: socket.socket) -> None:
        with channel:
            self._held = received(channel)
        asyncio.get_running_loop().call_later(_HELD_S, lambda: self._give_back(len(self._held)))

    def given_to_proxies(self, then: AlterLaunch) -> AlterLaunch:
        """For a proxy that is about to start, gives back as many as it takes; does what `then` does besides.

        What an image folder has is taken for a proxy too: an installed mesh's are.
        """

        def launched(launch: Launch) -> Launch:
            if launch.config is not None or launch.image is not None:
                self._give_back(A_PROXY)
            return then(launch)

        return launched

    def _give_back(self, number: int) -> None:
        for _ in range(min(number, len(self._held))):
            os.close(self._held.pop())
