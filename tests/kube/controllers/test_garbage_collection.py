"""What is deleted with its owners, before them, or not at all."""

from __future__ import annotations

from lab.kube.group_resources import CONFIG_MAPS
from lab.kube.objects import clone
from tests.kube.controllers.controlled import config_map, owned


async def test_dependents_go_after_their_last_owner(cluster):
    one, two = (cluster.add(CONFIG_MAPS, config_map(name)) for name in ("one", "two"))
    cluster.add(CONFIG_MAPS, owned("child", one, two))
    await cluster.quiet()
    cluster.delete(CONFIG_MAPS, "default", "one")
    await cluster.quiet()
    [reference] = cluster.one(CONFIG_MAPS, "child")["metadata"]["ownerReferences"]
    assert reference["name"] == "two"
    cluster.delete(CONFIG_MAPS, "default", "two")
    await cluster.quiet()
    assert cluster.store.get(CONFIG_MAPS, "default", "child") is None


async def test_an_object_whose_owner_never_was_is_garbage(cluster):
    ghost = {"metadata": {"name": "ghost", "uid": "00000000-0000-0000-0000-000000000000"}}
    cluster.add(CONFIG_MAPS, owned("child", ghost))
    await cluster.quiet()
    assert "child" not in cluster.names(CONFIG_MAPS)


async def test_orphans_stay_and_forget_their_owner(cluster):
    owner = cluster.add(CONFIG_MAPS, config_map("owner"))
    cluster.add(CONFIG_MAPS, owned("child", owner))
    await cluster.quiet()
    cluster.delete(CONFIG_MAPS, "default", "owner", propagation="Orphan")
    await cluster.quiet()
    assert "owner" not in cluster.names(CONFIG_MAPS)
    assert "ownerReferences" not in cluster.one(CONFIG_MAPS, "child")["metadata"]


async def test_a_foreground_deletion_ends_after_its_dependents(cluster):
    owner = cluster.add(CONFIG_MAPS, config_map("owner"))
    child = owned("child", owner, blockOwnerDeletion=True)
    child["metadata"]["finalizers"] = ["example.com/hold"]
    cluster.add(CONFIG_MAPS, child)
    await cluster.quiet()
    cluster.delete(CONFIG_MAPS, "default", "owner", propagation="Foreground")
    await cluster.quiet()
    assert {"owner", "child"} <= set(cluster.names(CONFIG_MAPS))
    released = clone(cluster.one(CONFIG_MAPS, "child"))
    released["metadata"]["finalizers"].remove("example.com/hold")
    cluster.update(CONFIG_MAPS, released, manager="test")
    await cluster.quiet()
    assert not {"owner", "child"} & set(cluster.names(CONFIG_MAPS))
