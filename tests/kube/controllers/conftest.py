"""Controllers against the real store and write pipeline, with a node that makes every pod ready at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from lab.kube.controllers import run_all
from lab.kube.group_resources import NAMESPACES
from lab.kube.kinds.scheme import Scheme
from lab.kube.store import Store
from tests.kube.controllers.controlled import Cluster, namespace
from tests.kube.local_runtime import run_node


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    objects = Cluster(Store(), Scheme())
    objects.add(NAMESPACES, namespace("default"))
    tasks = [
        asyncio.create_task(run_all(objects, ca_certificate="PEM", api_address=("10.244.0.1", 6443))),
        asyncio.create_task(run_node(objects)),
    ]
    await objects.quiet()
    yield objects
    failures = [task.exception() for task in tasks if task.done()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert failures == []
