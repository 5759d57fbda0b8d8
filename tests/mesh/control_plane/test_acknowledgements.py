"""A proxy that refuses its configuration does so in an event, whatever it goes on with."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from lab.faults import Faults, load
from lab.mesh.control_plane.event_reasons import PROXY_ACCEPTED as ACCEPTED
from lab.mesh.control_plane.event_reasons import PROXY_REJECTED as REJECTED
from tests.mesh.plane import Plane, admin

pytestmark = pytest.mark.reference_only("what Envoy says of the reference's files")

WITHIN_S = 5
FAULT = "proxy-refuses-its-configuration"
SERVER = "server"


@asynccontextmanager
async def running(plane: Plane) -> AsyncIterator[None]:
    mesh = asyncio.create_task(plane.mesh.run())
    try:
        yield
    finally:
        mesh.cancel()
        await asyncio.wait([mesh])


def requests_to(proxy: Path) -> int:
    """How often anything was asked at a proxy's admin interface, this time included."""
    return int(admin(proxy, "/stats?filter=^http.admin.downstream_rq_total$").rpartition(": ")[2])


async def until(condition: Callable[[], bool], what: str) -> float:
    start = time.monotonic()
    while not condition():
        assert time.monotonic() < start + WITHIN_S, f"in vain: {what}"
        await asyncio.sleep(0.01)
    return time.monotonic() - start


async def test_a_refusal_is_told_on_the_pod_and_on_what_led_to_it_and_so_is_its_end(plane: Plane) -> None:
    def seen(reason: str, name: str) -> list[dict[str, Any]]:
        return [
            event
            for event in plane.events
            if event["reason"] == reason and event["about"]["metadata"]["name"] == name
        ]

    plane.events.clear()
    async with running(plane):
        plane.cluster.peer("foo", {"mtls": {"mode": "PERMISSIVE"}}, name="harmless")
        await asyncio.sleep(0.5)
        assert plane.events == []

        plane.faults = load([FAULT], "current")
        plane.cluster.peer("foo", {"mtls": {"mode": "STRICT"}}, name="harmless")
        assert await until(lambda: bool(seen(REJECTED, SERVER)), "the pod's event") < 1
        (event,) = seen(REJECTED, SERVER)
        assert event["type"] == "Warning"
        assert event["message"].startswith("Envoy refuses its listeners after ")
        assert "foo/harmless changed, and keeps what it had of them: without-filters: " in event["message"]
        assert "no filter chains specified" in event["message"]
        await until(lambda: len(seen(REJECTED, "harmless")) == 2, "one for each proxy on the policy")
        # Word for word the same, so that one event is counted.
        assert len({event["message"] for event in seen(REJECTED, "harmless")}) == 1
        await asyncio.sleep(0.5)
        assert len(seen(REJECTED, SERVER)) == 1
        assert not seen(ACCEPTED, SERVER)

        plane.faults = Faults()
        plane.cluster.peer("foo", {"mtls": {"mode": "PERMISSIVE"}}, name="harmless")
        await until(lambda: bool(seen(ACCEPTED, SERVER)), "the end of it")
        assert seen(ACCEPTED, "harmless")

        await asyncio.sleep(1)
        before = [requests_to(proxy) for proxy in plane.proxies]
        await asyncio.sleep(1)
        # Nothing has changed, and nobody has asked but us.
        assert [requests_to(proxy) for proxy in plane.proxies] == [count + 1 for count in before]
