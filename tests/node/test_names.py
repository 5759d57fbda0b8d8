"""Hosts files follow the services, in whichever order pods and services come."""

from __future__ import annotations

import asyncio
from pathlib import Path

from lab.kube.kinds.registry import Registry
from lab.kube.store import Key, Store
from lab.kube.writing.writes import Writes
from lab.node.names import Names

SERVICES = Key("", "services")


def a_service(objects: Writes, name: str) -> None:
    spec = {"ports": [{"port": 80}], "selector": {"app": name}}
    objects.create(
        SERVICES, {"metadata": {"name": name, "namespace": "default"}, "spec": spec}, manager="test"
    )


async def test_a_service_that_comes_just_before_a_pod_is_known_to_the_pods_before_it(tmp_path: Path) -> None:
    objects = Writes(Store(), Registry())
    objects.create(Key("", "namespaces"), {"metadata": {"name": "default"}}, manager="test")
    names = Names(objects.store, tmp_path)
    first, second = tmp_path / "first", tmp_path / "second"
    names.add(first, "default", "first", "10.244.0.2")
    following = asyncio.create_task(names.follow())
    await asyncio.sleep(0.05)
    # Both at once, before whoever follows the store has a turn.
    a_service(objects, "late")
    names.add(second, "default", "second", "10.244.0.3")
    assert "late.default.svc.cluster.local" in second.read_text()
    async with asyncio.timeout(5):
        while "late.default.svc.cluster.local" not in first.read_text():  # noqa: ASYNC110 - a file says nothing
            await asyncio.sleep(0.01)
    following.cancel()
