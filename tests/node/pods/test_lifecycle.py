from __future__ import annotations

import time
from typing import Any

from lab.kube.client import PODS, Object
from lab.kube.kinds.builtin.pod import RESOURCES
from tests.node.real_node import TestNode, on_a_node

LOG = {"name": "log", "mountPath": "/tmp/log"}
VOLUMES = [{"name": "log", "emptyDir": {}}]


def sh(name: str, script: str, **fields: Any) -> Object:
    """A container that writes down what it does where all containers of its pod do."""
    return {
        "name": name,
        "image": "curlimages/curl",
        "command": ["/bin/sh", "-c", script],
        "volumeMounts": [LOG],
        **fields,
    }


def lasting(name: str, begin: str = "", **fields: Any) -> Object:
    """One that runs until it is asked to end, and says so."""
    script = f"trap 'echo {name} ends >> /tmp/log/all; exit 0' TERM; {begin} echo {name} >> /tmp/log/all; "
    return sh(name, script + "while :; do sleep 0.02; done", **fields)


def sidecar(name: str, begin: str = "", **fields: Any) -> Object:
    return lasting(name, begin, restartPolicy="Always", **fields)


def columns(pod: Object) -> tuple[object, ...]:
    """READY, STATUS and RESTARTS, as kubectl shows them."""
    (pods,) = RESOURCES
    return tuple(
        column.value(pod) for column in pods.columns if column.name in ("Ready", "Status", "Restarts")
    )


def init_status(node: TestNode, pod: str, name: str) -> Object:
    statuses = node.get(pod).get("status", {}).get("initContainerStatuses") or ()
    return next((status for status in statuses if status["name"] == name), {})


async def read(node: TestNode, pod: str) -> list[str]:
    code, text = await node.exec(pod, "cat", "/tmp/log/all")
    assert code == 0, text
    return text.splitlines()


@on_a_node
async def test_a_sidecar_starts_in_its_place_and_goes_on_running(node: TestNode) -> None:
    init = [
        sh("first", "echo first >> /tmp/log/all"),
        sidecar("proxy"),
        sh("last", "cat /tmp/log/all; sleep 0.1"),
    ]
    container = sh("app", "echo app >> /tmp/log/all; exec sleep infinity")
    node.pod("one", container, initContainers=init, volumes=VOLUMES)
    await node.ready("one")
    assert await read(node, "one") == ["first", "proxy", "app"]
    assert columns(node.get("one")) == ("2/2", "Running", "0")
    assert init_status(node, "one", "proxy")["state"].get("running")
    # A finished init container is ready, as the kubelet has it.
    first = init_status(node, "one", "first")
    assert (first["ready"], first["state"]["terminated"]["reason"]) == (True, "Completed")


@on_a_node
async def test_what_comes_after_a_sidecar_waits_until_it_has_started(node: TestNode) -> None:
    probe = {"exec": {"command": ["cat", "/tmp/log/open"]}, "periodSeconds": 1}
    node.pod(
        "one",
        sh("app", "exec sleep infinity"),
        initContainers=[sidecar("proxy", startupProbe=probe)],
        volumes=VOLUMES,
    )
    await node.until(lambda: any("Startup probe failed" in event for event in node.events()), "it is probed")
    pod = node.get("one")
    assert columns(pod) == ("0/2", "Init:0/1", "0")
    conditions = {c["type"]: c for c in pod["status"]["conditions"]}
    assert conditions["Initialized"]["message"] == "containers with incomplete status: [proxy]"
    assert conditions["Ready"]["message"] == "containers with unready status: [proxy app]"
    found = node.node.runtime.exec(pod, "proxy", ["touch", "/tmp/log/open"], stdin=False, tty=False)
    assert await (await found).wait() == 0
    await node.ready("one")


@on_a_node
async def test_a_sidecar_that_is_not_ready_keeps_its_pod_from_being_ready(node: TestNode) -> None:
    probe = {"exec": {"command": ["cat", "/tmp/log/open"]}, "periodSeconds": 1, "failureThreshold": 1}
    proxy = sidecar("proxy", readinessProbe=probe)
    node.pod("one", sh("app", "exec sleep infinity"), initContainers=[proxy], volumes=VOLUMES)
    await node.until(lambda: node.status("one").get("ready"), "the application is ready")
    assert columns(node.get("one")) == ("1/2", "Running", "0")
    assert not node.is_ready("one")
    await node.exec("one", "touch", "/tmp/log/open")
    await node.ready("one")


@on_a_node
async def test_a_sidecar_that_ends_is_started_anew_and_its_pod_stays_initialized(node: TestNode) -> None:
    # `$$$$` is `$$` to the shell.
    proxy = sidecar("proxy", "echo $$$$ > /tmp/log/pid;")
    node.pod("one", sh("app", "exec sleep infinity"), initContainers=[proxy], volumes=VOLUMES)
    await node.ready("one")
    assert await node.exec("one", "/bin/sh", "-c", "kill -9 $(cat /tmp/log/pid)") == (0, "")
    await node.until(lambda: init_status(node, "one", "proxy").get("restartCount"), "it is started anew")
    await node.ready("one")
    ready, status, restarts = columns(node.get("one"))
    assert (ready, status, str(restarts)[0]) == ("2/2", "Running", "1")


@on_a_node
async def test_a_pod_that_is_done_ends_its_sidecars_the_last_one_first(node: TestNode) -> None:
    init = [sidecar("one"), sidecar("two")]
    node.pod("job", sh("app", "sleep 0.1"), initContainers=init, volumes=VOLUMES, restartPolicy="Never")
    await node.until(lambda: node.get("job")["status"].get("phase") == "Succeeded", "the pod is done")
    stopped = [e for e in node.events() if "Stopping container" in e]
    assert stopped == ["Normal Killing Stopping container two", "Normal Killing Stopping container one"]
    for name in ("one", "two"):
        assert init_status(node, "job", name)["state"]["terminated"]["exitCode"] == 0
    assert columns(node.get("job"))[1] == "Completed"


@on_a_node
async def test_an_init_container_that_fails_for_good_ends_the_sidecars_before_it(node: TestNode) -> None:
    init = [sidecar("proxy"), sh("check", "exit 3")]
    node.pod(
        "bad", sh("app", "exec sleep infinity"), initContainers=init, volumes=VOLUMES, restartPolicy="Never"
    )
    await node.until(lambda: node.get("bad")["status"].get("phase") == "Failed", "the pod has failed")
    await node.until(
        lambda: "terminated" in init_status(node, "bad", "proxy")["state"], "the sidecar has ended"
    )
    assert node.status("bad")["state"] == {"waiting": {"reason": "PodInitializing"}}


@on_a_node
async def test_a_deleted_pod_ends_its_containers_and_then_its_sidecars(node: TestNode) -> None:
    hook = {"preStop": {"exec": {"command": ["/bin/sh", "-c", "echo app hook >> /tmp/log/all; sleep 0.3"]}}}
    # The first sidecar outlives the others and says what it has seen.
    begin = "trap 'echo one ends >> /tmp/log/all; cat /tmp/log/all; exit 0' TERM;"
    init = [sidecar("one", begin), sidecar("two")]
    node.pod("pod", lasting("app", lifecycle=hook), initContainers=init, volumes=VOLUMES)
    await node.ready("pod")
    file = node.node.runtime.logs(node.get("pod"), "one", previous=False)
    assert file
    with file.path.open() as log:  # it is gone with the pod
        node.objects.delete(PODS, "default", "pod")
        await node.until(lambda: not node.objects.store.list(PODS), "the pod is gone")
        said = log.read().splitlines()
    # A shell that has been started may say so after the next one does.
    assert sorted(said[:3]) == ["app", "one", "two"]
    assert said[3:] == ["app hook", "app ends", "two ends", "one ends"]


@on_a_node
async def test_a_hook_counts_against_the_grace_and_one_that_fails_is_told(node: TestNode) -> None:
    slow = {"preStop": {"sleep": {"seconds": 60}}}
    node.pod("slow", lasting("app", lifecycle=slow), volumes=VOLUMES, terminationGracePeriodSeconds=1)
    bad = {"preStop": {"exec": {"command": ["/bin/sh", "-c", "echo no; exit 4"]}}}
    node.pod("bad", lasting("app", lifecycle=bad), volumes=VOLUMES)
    await node.ready("slow", "bad")
    began = time.monotonic()
    for name in ("slow", "bad"):
        node.objects.delete(PODS, "default", name)
    await node.until(lambda: not node.objects.store.list(PODS), "both are gone")
    assert 0.9 < time.monotonic() - began < 5
    said = "Warning FailedPreStopHook Exec lifecycle hook ([/bin/sh -c echo no; exit 4]) failed - error: no"
    assert said in node.events()


@on_a_node
async def test_a_pod_that_is_deleted_at_once_runs_no_hook(node: TestNode) -> None:
    slow = {"preStop": {"sleep": {"seconds": 60}}}
    node.pod("slow", lasting("app", lifecycle=slow), volumes=VOLUMES)
    await node.ready("slow")
    node.objects.delete(PODS, "default", "slow", grace_period=0)
    await node.until(lambda: not node.objects.store.list(PODS), "it is gone")


@on_a_node
async def test_the_next_container_waits_for_what_the_one_before_does_after_its_start(node: TestNode) -> None:
    hook = {"postStart": {"exec": {"command": ["/bin/sh", "-c", "sleep 0.2; echo hook >> /tmp/log/all"]}}}
    pod: Object = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "one", "namespace": "default"},
        "spec": {"containers": [lasting("proxy", lifecycle=hook), lasting("app")], "volumes": VOLUMES},
    }
    node.objects.create(PODS, pod, manager="test")
    await node.ready("one")
    assert await read(node, "one") == ["proxy", "hook", "app"]


@on_a_node
async def test_a_container_whose_hook_fails_after_its_start_is_started_anew(node: TestNode) -> None:
    hook = {"postStart": {"exec": {"command": ["false"]}}}
    node.pod("one", lasting("app", lifecycle=hook), volumes=VOLUMES)
    await node.until(lambda: node.status("one").get("restartCount"), "it is started anew")
    said = "Warning FailedPostStartHook Exec lifecycle hook ([false]) failed - error:"
    assert any(event.startswith(said) for event in node.events())
    assert not node.is_ready("one")


@on_a_node
async def test_a_container_that_is_not_alive_does_once_what_it_does_before_its_end(node: TestNode) -> None:
    hook = {"preStop": {"exec": {"command": ["/bin/sh", "-c", "echo hook >> /tmp/log/all; sleep 2.5"]}}}
    probe = {
        "exec": {"command": ["false"]},
        "periodSeconds": 1,
        "failureThreshold": 1,
        "initialDelaySeconds": 1,
    }
    node.pod("one", lasting("app", lifecycle=hook, livenessProbe=probe), volumes=VOLUMES)
    await node.until(lambda: node.status("one").get("restartCount"), "it is started anew")
    await node.until(lambda: node.status("one").get("started"), "it runs again")
    # Started, asked to end once, and started anew.
    assert (await read(node, "one"))[:4] == ["app", "hook", "app ends", "app"]
