from __future__ import annotations

import json
import time
from typing import Any

from lab.kube.client import PODS, GroupResource, Object
from tests.node.real_node import TestNode, on_a_node

SLEEP = {"image": "curlimages/curl", "command": ["sleep", "infinity"]}


def mount(volume: str, path: str, **fields: Any) -> Object:
    return {"name": volume, "mountPath": path, **fields}


def configure(
    node: TestNode, name: str, data: dict[str, str], kind: str = "ConfigMap", field: str = "data"
) -> None:
    obj = {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "default"},
        field: data,
    }
    node.objects.create(GroupResource("", f"{kind.lower()}s"), obj, manager="test")


@on_a_node
async def test_a_pod_waits_for_the_config_map_of_a_volume_and_says_so(node: TestNode) -> None:
    volumes = [{"name": "conf", "configMap": {"name": "late"}}]
    node.pod("late", SLEEP | {"volumeMounts": [mount("conf", "/tmp/conf")]}, volumes=volumes)
    said = 'Warning FailedMount MountVolume.SetUp failed for volume "conf" : configmap "late" not found'
    await node.until(lambda: said in node.events(), "the node says what is missing")
    assert node.status("late")["state"] == {"waiting": {"reason": "ContainerCreating"}}
    assert node.get("late")["status"]["phase"] == "Pending"
    # What it does not wait for changes nothing.
    configure(node, "other", {"a": "b"})
    configure(node, "late", {"key": "value"})
    began = time.monotonic()
    await node.ready("late")
    assert time.monotonic() - began < 0.9, "it was waited for longer than necessary"
    assert await node.exec("late", "cat", "/tmp/conf/key") == (0, "value")
    assert node.events().count(said) == 1


@on_a_node
async def test_init_containers_too_wait_for_a_volume_that_only_another_container_mounts(
    node: TestNode,
) -> None:
    volumes = [{"name": "keys", "secret": {"secretName": "late"}}]
    first = {"name": "first", "image": "curlimages/curl", "command": ["true"]}
    node.pod(
        "late",
        SLEEP | {"volumeMounts": [mount("keys", "/tmp/keys")]},
        initContainers=[first],
        volumes=volumes,
    )
    said = 'MountVolume.SetUp failed for volume "keys" : secret "late" not found'
    await node.until(lambda: any(said in event for event in node.events()), "the node says what is missing")
    state = node.get("late")["status"]["initContainerStatuses"][0]["state"]
    assert state == {"waiting": {"reason": "PodInitializing"}}
    configure(node, "late", {"key": "c2VjcmV0"}, "Secret")
    await node.ready("late")
    assert await node.exec("late", "cat", "/tmp/keys/key") == (0, "secret")


@on_a_node
async def test_a_pod_that_waits_for_a_volume_can_be_deleted(node: TestNode) -> None:
    volumes = [{"name": "conf", "configMap": {"name": "never"}}]
    node.pod("late", SLEEP | {"volumeMounts": [mount("conf", "/tmp/conf")]}, volumes=volumes)
    await node.until(lambda: any("FailedMount" in event for event in node.events()), "it waits")
    node.objects.delete(PODS, "default", "late", grace_period=0)
    await node.until(lambda: not node.objects.store.list(PODS), "the pod is gone")


@on_a_node
async def test_what_is_optional_is_not_waited_for(node: TestNode) -> None:
    sources: list[Object] = [
        {"configMap": {"name": "none", "optional": True}},
        {"secret": {"name": "none", "optional": True}},
        {"configMap": {"name": "some", "items": [{"key": "no", "path": "no"}], "optional": True}},
    ]
    configure(node, "some", {"yes": "1"})
    volumes = [{"name": "conf", "projected": {"sources": sources}}]
    node.pod("one", SLEEP | {"volumeMounts": [mount("conf", "/tmp/conf")]}, volumes=volumes)
    await node.ready("one")
    assert await node.exec("one", "ls", "-A", "/tmp/conf") == (0, "")


@on_a_node
async def test_a_projected_volume_has_tokens_for_audiences_and_what_the_pod_is_called(node: TestNode) -> None:
    labels = {"app": "one", "version": "v1"}
    sources: list[Object] = [
        {"serviceAccountToken": {"path": "tokens/mesh", "audience": "istio-ca", "expirationSeconds": 43200}},
        {
            "downwardAPI": {
                "items": [
                    {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}},
                    {"path": "name", "fieldRef": {"fieldPath": "metadata.name"}, "mode": 0o400},
                    {
                        "path": "cpu",
                        "resourceFieldRef": {
                            "containerName": "app",
                            "resource": "limits.cpu",
                            "divisor": "1m",
                        },
                    },
                ]
            }
        },
    ]
    volumes = [
        {"name": "told", "projected": {"sources": sources, "defaultMode": 0o440}},
        {
            "name": "own",
            "downwardAPI": {"items": [{"path": "ip", "fieldRef": {"fieldPath": "status.podIP"}}]},
        },
    ]
    container = {
        "volumeMounts": [mount("told", "/tmp/told"), mount("own", "/tmp/own")],
        "resources": {"limits": {"cpu": "1500m"}},
    }
    node.pod("one", SLEEP | container, volumes=volumes, labels=labels)
    await node.ready("one")

    async def read(path: str) -> str:
        code, text = await node.exec("one", "cat", path)
        assert code == 0, text
        return text

    assert await read("/tmp/told/labels") == 'app="one"\nversion="v1"'
    assert await read("/tmp/told/name") == "one"
    assert await read("/tmp/told/cpu") == "1500"
    assert await read("/tmp/own/ip") == node.get("one")["status"]["podIP"]
    token = json.loads(await read("/tmp/told/tokens/mesh"))
    del token["number"]
    assert token == {"account": "default", "pod": "one", "audiences": ["istio-ca"], "seconds": 43200}
    own = json.loads(await read("/var/run/secrets/kubernetes.io/serviceaccount/token"))
    del own["number"]
    assert own == {"account": "default", "pod": "one", "audiences": [], "seconds": 365 * 24 * 3600}
    modes = await node.exec(
        "one", "stat", "-c", "%a", "/tmp/told/labels", "/tmp/told/name", "/tmp/told/tokens"
    )
    assert modes == (0, "440\n400\n755\n")


@on_a_node
async def test_mounts_inside_others_are_seen_in_whatever_order_they_are_named(node: TestNode) -> None:
    configure(node, "conf", {"a.conf": "a", "b.conf": "b"})
    volumes: list[Object] = [
        {"name": "outer", "emptyDir": {}},
        {"name": "conf", "configMap": {"name": "conf"}},
        {"name": "inner", "emptyDir": {}},
    ]
    mounts = [
        mount("conf", "/tmp/data/conf/b", subPath="b.conf"),
        mount("inner", "/tmp/data/conf/deep/er"),
        mount("outer", "/tmp/data/"),
        mount("conf", "/tmp/data/conf"),
    ]
    node.pod("one", SLEEP | {"volumeMounts": mounts}, volumes=volumes)
    await node.ready("one")
    write, read = "echo x > file; echo y > conf/deep/er/file", "cat conf/a.conf conf/b file conf/deep/er/file"
    script = f"cd /tmp/data; {write}; {read}"
    assert await node.exec("one", "/bin/sh", "-c", script) == (0, "abx\ny\n")
    assert (await node.exec("one", "touch", "/tmp/data/conf/new"))[0] != 0


@on_a_node
async def test_a_volume_can_be_mounted_where_the_machine_has_no_directory(node: TestNode) -> None:
    configure(node, "conf", {"key": "value"})
    volumes: list[Object] = [
        {"name": "data", "emptyDir": {}},
        {"name": "conf", "configMap": {"name": "conf"}},
    ]
    mounts = [
        mount("data", "/var/lib/acme/data"),
        mount("conf", "/acme"),
        mount("conf", "/etc/acme/key", subPath="key"),
    ]
    node.pod("one", SLEEP | {"volumeMounts": mounts}, volumes=volumes)
    await node.ready("one")
    script = (
        "echo x > /var/lib/acme/data/file; cat /var/lib/acme/data/file /acme/key /etc/acme/key; ls / /etc"
    )
    code, text = await node.exec("one", "/bin/sh", "-c", script)
    assert (code, text.startswith("x\nvaluevalue")) == (0, True), text
    assert {"bin", "passwd", "proc", "tmp", "usr"} <= set(text.split())


@on_a_node
async def test_a_sub_path_of_an_empty_volume_is_made_also_by_variables(node: TestNode) -> None:
    container = {
        "volumeMounts": [
            mount("data", "/tmp/own", subPathExpr="$(POD)/logs"),
            mount("data", "/tmp/all"),
        ],
        "env": [{"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
    }
    node.pod("one", SLEEP | container, volumes=[{"name": "data", "emptyDir": {}}])
    await node.ready("one")
    script = "echo x > /tmp/own/file; cat /tmp/all/one/logs/file"
    assert await node.exec("one", "/bin/sh", "-c", script) == (0, "x\n")


@on_a_node
async def test_a_sub_path_that_leads_out_of_its_volume_is_refused(node: TestNode) -> None:
    container = SLEEP | {"volumeMounts": [mount("data", "/tmp/x", subPathExpr="$(UP)/..")]}
    env = [{"name": "UP", "value": ".."}]
    node.pod("one", container | {"env": env}, volumes=[{"name": "data", "emptyDir": {}}])
    waiting = await node.until(
        lambda: node.status("one").get("state", {}).get("waiting", {}).get("message"), "the container waits"
    )
    assert waiting == 'subPath "../.." must be a path inside the volume "data"'


@on_a_node
async def test_a_token_is_replaced_before_it_expires(node: TestNode) -> None:
    token = {"path": "token", "audience": "istio-ca", "expirationSeconds": 1}
    volumes = [{"name": "tokens", "projected": {"sources": [{"serviceAccountToken": token}]}}]
    node.pod("one", SLEEP | {"volumeMounts": [mount("tokens", "/tmp/tokens")]}, volumes=volumes)
    await node.ready("one")
    _, first = await node.exec("one", "cat", "/tmp/tokens/token")
    look = "cat /tmp/tokens/token > /tmp/now; cmp -s /tmp/now /tmp/first || break; sleep 0.05"
    script = f"cat > /tmp/first; for i in $(seq 100); do {look}; done; cat /tmp/now; ls /tmp/tokens >&2"
    code, text = await node.exec("one", "/bin/sh", "-c", script, stdin=first.encode())
    assert (code, text.endswith("}token\n")) == (0, True), text
    assert json.loads(text.partition("}")[0] + "}")["number"] > json.loads(first)["number"]
    node.objects.delete(PODS, "default", "one")
    await node.until(lambda: not node.objects.store.list(PODS), "the pod is gone")
