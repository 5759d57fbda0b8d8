"""What all controllers stand: bursts, refusals, and one of them that breaks."""

from __future__ import annotations

import asyncio

import pytest

from lab.kube.admission import Denied
from lab.kube.controllers import ControllerFailed, run_all
from lab.kube.group_resources import CONFIG_MAPS, DEPLOYMENTS, NAMESPACES, SERVICES
from lab.kube.kinds.scheme import Scheme
from lab.kube.objects import Object
from lab.kube.store import Store
from tests.kube.controllers.controlled import Cluster, config_map, deployment, namespace, owned, service


async def test_a_burst_too_large_for_the_queues_loses_nothing(cluster):
    owner = cluster.add(CONFIG_MAPS, config_map("owner"))
    cluster.add(CONFIG_MAPS, owned("child", owner))
    busy = cluster.add(CONFIG_MAPS, config_map("busy"))
    cluster.add(NAMESPACES, namespace("foo"))
    await cluster.quiet()
    for _ in range(20_001):
        busy = cluster.store.put(CONFIG_MAPS, {**busy, "metadata": {**busy["metadata"]}})
    cluster.delete(CONFIG_MAPS, "default", "owner")
    cluster.delete(NAMESPACES, "", "foo")
    await cluster.quiet()
    assert "child" not in cluster.names(CONFIG_MAPS)
    assert cluster.store.get(NAMESPACES, "", "foo") is None


async def test_a_namespace_that_ends_at_once_troubles_no_controller(cluster, caplog):
    for _ in range(3):
        cluster.add(NAMESPACES, namespace("foo"))
        await cluster.quiet()
        for key, made in ((SERVICES, service()), (DEPLOYMENTS, deployment())):
            made["metadata"]["namespace"] = "foo"
            cluster.add(key, made)
        cluster.delete(NAMESPACES, "", "foo")
        await cluster.quiet()
        assert cluster.store.get(NAMESPACES, "", "foo") is None
    assert caplog.records == []


async def test_a_refused_update_is_told_and_does_not_stop_the_controller(cluster, caplog):
    def refuse(new: Object, old: Object | None) -> Object:
        if old is not None:
            raise Denied("frozen", webhook="maps.example.com")
        return new

    cluster.admit(CONFIG_MAPS, refuse)
    owner = cluster.add(CONFIG_MAPS, config_map("owner"))
    child = cluster.add(CONFIG_MAPS, owned("child", owner))
    await cluster.quiet()
    cluster.delete(CONFIG_MAPS, "default", "owner", propagation="Orphan")
    await cluster.quiet()
    assert {"owner", "child"} <= set(cluster.names(CONFIG_MAPS))
    assert [record.message for record in caplog.records] == [
        f"the garbage controller was refused at {owner['metadata']['uid']}: "
        'admission webhook "maps.example.com" denied the request: frozen'
    ]
    cluster.delete(CONFIG_MAPS, "default", child["metadata"]["name"])


async def test_a_broken_controller_ends_the_cluster_with_one_line(cluster, caplog):
    objects = Cluster(Store(), Scheme())
    running = asyncio.create_task(run_all(objects))
    await objects.quiet()
    # An object that no write pipeline would let through.
    metadata = {
        "name": "web",
        "namespace": "default",
        "uid": "1",
        "creationTimestamp": "2026-01-01T00:00:00Z",
    }
    objects.store.put(SERVICES, {"kind": "Service", "metadata": metadata})
    with pytest.raises(
        ControllerFailed, match=r"^the endpoints controller failed: KeyError: 'spec' \("
    ) as failed:
        await asyncio.wait_for(running, 2)
    assert [record.message for record in caplog.records] == [str(failed.value)]
    assert "\n" not in str(failed.value)
