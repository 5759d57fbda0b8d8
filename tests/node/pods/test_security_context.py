from __future__ import annotations

from functools import partial
from typing import Any

from lab.kube.client import Object
from tests.node.real_node import TestNode, needs_users, on_a_node

SEEN = (
    "id -u; id -g; id -G; grep CapBnd /proc/self/status | cut -f 2; grep CapEff /proc/self/status | cut -f 2"
)
NET_ADMIN, NET_RAW, NET_BIND = 1 << 12, 1 << 13, 1 << 10


def tool(**security: Any) -> Object:
    return {"image": "acme/tool", "command": ["sleep", "infinity"], "securityContext": security}


async def seen(node: TestNode, pod: str) -> tuple[int, int, list[int], int, int]:
    """User, group, groups, bounding set and effective capabilities of a program in a pod."""
    code, text = await node.exec(pod, "/bin/sh", "-c", SEEN)
    assert code == 0, text
    uid, gid, groups, bounding, effective = text.splitlines()
    return int(uid), int(gid), [int(group) for group in groups.split()], int(bounding, 16), int(effective, 16)


@needs_users
@on_a_node
async def test_the_user_is_the_containers_else_the_pods_else_the_images(node: TestNode) -> None:
    node.image("acme/tool", user="1337:1338")
    node.pod("image", tool())
    node.pod("pod", tool(), securityContext={"runAsUser": 7, "runAsGroup": 8, "supplementalGroups": [9]})
    node.pod(
        "container", tool(runAsUser=17, runAsNonRoot=True), securityContext={"runAsUser": 7, "fsGroup": 18}
    )
    node.pod("root", tool(runAsUser=0))
    await node.ready("image", "pod", "container", "root")
    assert (await seen(node, "image"))[:3] == (1337, 1338, [1338])
    assert (await seen(node, "pod"))[:3] == (7, 8, [8, 9])
    assert (await seen(node, "container"))[:3] == (17, 0, [0, 18])
    assert (await seen(node, "root"))[:3] == (0, 0, [0])


@on_a_node
async def test_programs_of_this_machine_run_as_root_whatever_the_pod_says(node: TestNode) -> None:
    node.image("acme/without-user")
    context = {"runAsUser": 7, "capabilities": {"drop": ["ALL"]}}
    for name, image in (("curl", "curlimages/curl"), ("folder", "acme/without-user")):
        node.pod(name, tool(**context) | {"image": image}, securityContext={"fsGroup": 9})
        await node.ready(name)
        uid, _, _, bounding, _ = await seen(node, name)
        assert uid == 0
        assert bounding & NET_RAW


@needs_users
@on_a_node
async def test_capabilities_are_added_and_dropped(node: TestNode) -> None:
    node.image("acme/tool", user="0")
    node.pod("usual", tool())
    node.pod("more", tool(capabilities={"add": ["NET_ADMIN"]}))
    node.pod("fewer", tool(capabilities={"drop": ["CAP_NET_RAW"]}))
    node.pod("only", tool(capabilities={"drop": ["ALL"], "add": ["NET_ADMIN", "NET_RAW"]}))
    node.pod("user", tool(runAsUser=1337, capabilities={"add": ["NET_ADMIN"]}))
    await node.ready("usual", "more", "fewer", "only", "user")
    usual = (await seen(node, "usual"))[3]
    assert not usual & NET_ADMIN
    assert usual & NET_BIND
    assert (await seen(node, "more"))[4] == usual | NET_ADMIN
    assert (await seen(node, "fewer"))[4] == usual & ~NET_RAW
    assert (await seen(node, "only"))[3:] == (NET_ADMIN | NET_RAW, NET_ADMIN | NET_RAW)
    # As everywhere, only root's programs get them.
    assert (await seen(node, "user"))[4] == 0


@needs_users
@on_a_node
async def test_what_is_not_given_is_said(node: TestNode) -> None:
    node.image("acme/tool", user="0")
    node.pod("admin", tool(capabilities={"add": ["SYS_ADMIN"]}))
    node.pod("root", tool(runAsNonRoot=True))
    for name, why in {
        "admin": "this node does not give the capability SYS_ADMIN",
        "root": "container has runAsNonRoot and image will run as root",
    }.items():
        waiting = await node.until(
            lambda name=name: node.status(name).get("state", {}).get("waiting", {}).get("message"), "it waits"
        )
        assert waiting == why
        assert node.status(name)["state"]["waiting"]["reason"] == "CreateContainerConfigError"


@needs_users
@on_a_node
async def test_the_rules_of_a_pods_network_are_the_init_containers_to_make(node: TestNode) -> None:
    node.image("acme/tool", user="1337")
    rules = "nft add table ip mine && nft list tables"
    admin = {"name": "init", "image": "acme/tool", "command": ["/bin/sh", "-c", rules]}
    security = {"runAsUser": 0, "capabilities": {"drop": ["ALL"], "add": ["NET_ADMIN", "NET_RAW"]}}
    node.pod("one", tool(), initContainers=[admin | {"securityContext": security}])
    await node.ready("one")
    file = node.node.runtime.logs(node.get("one"), "init", previous=False)
    assert file
    assert file.path.read_text() == "table ip mine\n"
    assert (await node.exec("one", "nft", "list", "tables"))[0] != 0


@needs_users
@on_a_node
async def test_a_user_writes_to_volumes_and_to_its_own_output(node: TestNode) -> None:
    node.image("acme/tool", user="1337")
    script = "echo one > /dev/stdout; echo two >> /dev/stderr; touch /tmp/deep/data/file; exec sleep infinity"
    container = tool() | {
        "command": ["/bin/sh", "-c", script],
        "volumeMounts": [
            {"name": "data", "mountPath": "/tmp/deep/data"},
            {"name": "conf", "mountPath": "/tmp/conf"},
        ],
    }
    told = {"items": [{"path": "name", "fieldRef": {"fieldPath": "metadata.name"}}], "defaultMode": 0o400}
    volumes = [{"name": "data", "emptyDir": {}}, {"name": "conf", "downwardAPI": told}]
    node.pod("one", container, volumes=volumes, securityContext={"fsGroup": 2000})
    await node.ready("one")
    await node.logged("one", "one\ntwo\n")
    modes = await node.exec(
        "one", "stat", "-L", "-c", "%a %g", "/tmp/deep/data", "/tmp/deep/data/file", "/tmp/conf/name"
    )
    assert modes == (0, "2777 2000\n644 2000\n460 2000\n")
    assert await node.exec("one", "cat", "/tmp/conf/name") == (0, "one")


@needs_users
@on_a_node
async def test_a_user_may_listen_on_port_80(node: TestNode) -> None:
    node.image("acme/tool", user="1337")
    listen = "import socket; socket.create_server(('', 80)); print(__import__('os').getuid())"
    node.pod("one", tool())
    await node.ready("one")
    assert await node.exec("one", "python3", "-c", listen) == (0, "1337\n")


@partial(on_a_node, only_root=True)
async def test_without_a_range_of_ids_a_pod_says_what_its_user_takes(node: TestNode) -> None:
    node.image("acme/tool", user="1337")
    node.pod("user", tool())
    node.pod("group", tool(runAsUser=0, runAsGroup=0), securityContext={"fsGroup": 2000})
    for name, what in {"user": "user 1337", "group": "group 2000"}.items():
        waiting = await node.until(
            lambda name=name: node.status(name).get("state", {}).get("waiting", {}).get("message"), "it waits"
        )
        assert waiting == (
            f"there is no {what} in this lab, which an ordinary user started: "
            "it takes newuidmap and a range of ids in /etc/subuid and /etc/subgid"
        )
    node.pod("root", tool(runAsUser=0))
    await node.ready("root")
    assert (await seen(node, "root"))[:3] == (0, 0, [0])
