from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from lab.kube.client import CONFIG_MAPS, PODS
from lab.kube.runtime import ExecFailed
from lab.node.pods.log_times import LOOK
from tests.node.real_node import TestNode, on_a_node

CURL = {"image": "curlimages/curl", "command": ["/bin/sleep", "infinity"]}
HTTPBIN = {"image": "docker.io/kong/httpbin:0.1"}


def sh(script: str) -> dict[str, object]:
    return {"image": "curlimages/curl", "command": ["/bin/sh", "-c", script]}


@on_a_node
async def test_a_pod_runs_with_a_network_a_name_and_an_environment_of_its_own(node: TestNode) -> None:
    env = [
        {"name": "GREETING", "value": "hello $(WHO)"},
        {"name": "WHO", "value": "world"},
        {"name": "AGAIN", "value": "hello $(WHO)"},
        {"name": "MY_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
    ]
    node.pod("one", CURL | {"env": env})
    await node.ready("one")
    code, text = await node.exec("one", "/usr/bin/env")
    variables = dict(line.split("=", 1) for line in text.splitlines())
    assert code == 0
    address = node.get("one")["status"]["podIP"]
    assert variables == {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/",
        "HOSTNAME": "one",
        "GREETING": "hello $(WHO)",
        "WHO": "world",
        "AGAIN": "hello world",
        "MY_IP": address,
    }
    assert (await node.exec("one", "hostname")) == (0, "one\n")
    links = (await node.exec("one", "ip", "-brief", "-4", "address"))[1]
    assert f"{address}/32" in links
    assert len(links.splitlines()) == 2, links


@on_a_node
async def test_events_tell_a_pods_start_in_the_kubelets_words(node: TestNode) -> None:
    node.pod("one", CURL)
    await node.ready("one")
    assert node.events() == [
        "Normal Scheduled Successfully assigned default/one to node-0",
        'Normal Pulled Container image "curlimages/curl" already present on machine',
        "Normal Created Created container: app",
        "Normal Started Started container app",
    ]


@on_a_node
async def test_an_unknown_image_is_never_pulled_and_the_event_lists_those_known(node: TestNode) -> None:
    node.pod("nginx", {"image": "nginx:1.27"})
    waiting = await node.until(
        lambda: node.status("nginx").get("state", {}).get("waiting", {}).get("reason") == "ErrImagePull",
        "the pull has failed",
    )
    assert waiting
    failed = next(e for e in node.events() if "Failed to pull" in e)
    assert failed.startswith('Warning Failed Failed to pull image "nginx:1.27": ')
    for known in ("curlimages/curl", "kong/httpbin", "mccutchen/go-httpbin"):
        assert known in failed
    await node.until(
        lambda: node.status("nginx")["state"].get("waiting", {}).get("reason") == "ImagePullBackOff",
        "the node backs off",
    )
    assert node.get("nginx")["status"]["phase"] == "Pending"


@on_a_node
async def test_a_crashing_container_restarts_with_back_off(node: TestNode) -> None:
    node.pod("crash", sh("echo run $$$$; exit 3"))
    await node.until(
        lambda: node.status("crash").get("state", {}).get("waiting", {}).get("reason") == "CrashLoopBackOff",
        "the node backs off",
    )
    await node.until(lambda: node.status("crash")["restartCount"] >= 2, "two restarts")
    status = node.status("crash")
    assert status["lastState"]["terminated"]["exitCode"] == 3
    assert status["lastState"]["terminated"]["reason"] == "Error"
    assert not node.is_ready("crash")
    uid = node.get("crash")["metadata"]["uid"]
    assert (
        f"Warning BackOff Back-off restarting failed container app in pod crash_default({uid})"
        in node.events()
    )
    previous = node.logs("crash", previous=True)
    assert re.fullmatch(r"run \d+\n", previous), previous


@on_a_node
async def test_a_program_that_does_not_exist_is_a_start_error(node: TestNode) -> None:
    node.pod("missing", {"image": "curlimages/curl", "command": ["no-such-program"]})
    await node.until(lambda: node.status("missing").get("lastState"), "the start has failed")
    terminated = node.status("missing")["lastState"]["terminated"]
    assert terminated["reason"] == "StartError"
    assert terminated["exitCode"] == 128
    assert 'exec: "no-such-program": executable file not found in $PATH' in terminated["message"]
    assert any(e.startswith("Warning Failed Error: failed to create") for e in node.events())


@on_a_node
async def test_pods_that_are_done_have_succeeded_or_failed(node: TestNode) -> None:
    node.pod("good", sh("exit 0"), restartPolicy="Never")
    node.pod("bad", sh("kill -9 $$$$"), restartPolicy="Never")
    await node.until(lambda: node.get("good")["status"].get("phase") == "Succeeded", "good has succeeded")
    await node.until(lambda: node.get("bad")["status"].get("phase") == "Failed", "bad has failed")
    assert node.status("good")["state"]["terminated"]["reason"] == "Completed"
    assert node.status("bad")["state"]["terminated"]["exitCode"] == 137


@on_a_node
async def test_init_containers_come_first_and_one_after_the_other(node: TestNode) -> None:
    share = {"name": "share", "mountPath": "/tmp/share"}
    first = {"name": "first", "volumeMounts": [share], **sh("sleep 0.1; echo 1 >> /tmp/share/order")}
    second = {"name": "second", "volumeMounts": [share], **sh("echo 2 >> /tmp/share/order")}
    app = sh("cat /tmp/share/order; sleep infinity") | {"volumeMounts": [share]}
    node.pod("app", app, initContainers=[first, second], volumes=[{"name": "share", "emptyDir": {}}])
    await node.ready("app")
    await node.logged("app", "1\n2\n")


@on_a_node
async def test_a_failing_init_container_keeps_the_pod_pending(node: TestNode) -> None:
    node.pod("app", CURL, initContainers=[{"name": "first", **sh("exit 1")}])
    statuses = await node.until(
        lambda: [
            s
            for s in node.get("app").get("status", {}).get("initContainerStatuses") or ()
            if s["restartCount"] >= 1
        ],
        "the init container is started again",
    )
    assert statuses[0]["lastState"]["terminated"]["exitCode"] == 1
    assert node.get("app")["status"]["phase"] == "Pending"
    assert node.status("app")["state"]["waiting"]["reason"] == "PodInitializing"


@on_a_node
async def test_a_deleted_pod_leaves_no_process_not_even_an_escaped_one(node: TestNode) -> None:
    node.pod("gone", sh("setsid sleep 998877 & exec sleep infinity"))
    await node.ready("gone")
    # It must be in a session of its own before the exec ends, which ends everything in the exec's own.
    escape = "setsid sh -c 'echo $$ > /tmp/escaped; exec sleep 998877' >/dev/null 2>&1 &"
    wait = "until [ -s /tmp/escaped ]; do sleep 0.01; done; cat /tmp/escaped"
    code, escaped = await node.exec("gone", "/bin/sh", "-c", f"{escape} {wait}")
    assert code == 0
    await node.until(lambda: int(escaped) in _running(b"998877"), "the escaped program runs")
    node.objects.delete(PODS, "default", "gone")
    await node.until(lambda: node.objects.store.get(PODS, "default", "gone") is None, "the pod is gone")
    assert _running(b"998877") == []
    assert "Normal Killing Stopping container app" in node.events()


def _running(word: bytes) -> list[int]:
    """Processes with a word in their command line."""
    return [int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit() and word in _command(p)]


def _command(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""


@on_a_node
async def test_a_pod_that_ignores_the_request_to_end_is_ended_after_its_grace(node: TestNode) -> None:
    script = 'trap "" TERM; echo deaf; while :; do sleep 0.05; done'
    node.pod("deaf", sh(script), terminationGracePeriodSeconds=1)
    await node.ready("deaf")
    await node.logged("deaf", "deaf\n")
    began = time.monotonic()
    node.objects.delete(PODS, "default", "deaf")
    assert node.objects.store.get(PODS, "default", "deaf")
    await node.until(lambda: node.objects.store.get(PODS, "default", "deaf") is None, "the pod is gone")
    assert 0.9 < time.monotonic() - began < 3


@on_a_node
async def test_containers_see_the_machine_read_only_with_a_private_tmp(node: TestNode) -> None:
    node.pod("one", CURL)
    node.pod("two", CURL)
    await node.ready("one", "two")
    assert (await node.exec("one", "/bin/sh", "-c", "echo mine > /tmp/file; cat /tmp/file")) == (0, "mine\n")
    assert (await node.exec("two", "cat", "/tmp/file"))[0] != 0
    own = Path(__file__).with_suffix(".written")
    for path in ("/etc/passwd", "/usr/bin/x", "/proc/sys/net/ipv4/ip_forward", str(own)):
        code, text = await node.exec("one", "/bin/sh", "-c", f"echo 0 >> {path}")
        assert code != 0
        # Files that an ordinary user may not write anyway are refused for that reason first.
        refusals = ["Read-only file system"] + ["Permission denied"] * (path != str(own))
        assert any(refusal in text for refusal in refusals), (path, text)
    code, devices = await node.exec("one", "ls", "/dev")
    harmless = {"full", "null", "random", "tty", "urandom", "zero"}
    assert set(devices.split()) - harmless == {"fd", "ptmx", "pts", "shm", "stderr", "stdin", "stdout"}
    for command in ("mount -t tmpfs none /etc", "mknod /tmp/disk b 254 0", "umount /tmp", "ls /proc/1/root/"):
        code, text = await node.exec("one", "/bin/sh", "-c", command)
        assert code != 0, (command, text)


@on_a_node
async def test_programs_inherit_no_descriptors_of_the_lab(node: TestNode) -> None:
    node.pod("one", sh("ls /proc/self/fd; exec sleep infinity"))
    await node.ready("one")
    # The fourth is the directory that `ls` reads.
    assert (await node.exec("one", "ls", "/proc/self/fd"))[1].split() == ["0", "1", "2", "3"]
    await node.logged("one", "0\n1\n2\n3\n")


@on_a_node
async def test_a_container_without_its_program_cannot_be_entered(node: TestNode) -> None:
    node.pod("one", CURL)
    await node.ready("one")
    with pytest.raises(ExecFailed, match='exec: "nothing": executable file not found in \\$PATH'):
        await node.exec("one", "nothing")
    node.pod("nginx", {"image": "nginx"})
    with pytest.raises(ExecFailed, match='container not found \\("app"\\)'):
        await node.exec("nginx", "ls")


@on_a_node
async def test_exec_passes_input_output_and_exit_codes(node: TestNode) -> None:
    node.pod("one", CURL)
    await node.ready("one")
    assert await node.exec("one", "cat", stdin=b"through") == (0, "through")
    assert await node.exec("one", "/bin/sh", "-c", "echo out; echo err >&2; exit 7") == (7, "out\nerr\n")
    assert (await node.exec("one", "/bin/sh", "-c", "kill -15 $$"))[0] == 143
    long = "x" * 100_000
    assert await node.exec("one", "echo", long) == (0, long + "\n")
    with pytest.raises(ExecFailed, match="argument list too long"):
        await node.exec("one", "echo", "x" * 200_000)
    process = await node.node.runtime.exec(node.get("one"), "app", ["tty"], stdin=True, tty=True)
    assert (await process.stdout.read()).startswith(b"/dev/pts/")
    assert await process.wait() == 0


@on_a_node
async def test_no_pod_gets_into_the_nodes_own_network(node: TestNode) -> None:
    node.pod("host", CURL, hostNetwork=True)
    await node.until(lambda: any("FailedCreatePodSandBox" in e for e in node.events()), "the pod is refused")
    assert node.get("host").get("status", {}).get("phase") == "Pending"
    node.objects.delete(PODS, "default", "host")
    await node.until(lambda: not node.objects.store.list(PODS), "the pod is gone")


@on_a_node
async def test_a_config_map_that_is_missing_keeps_the_container_waiting_until_it_is_there(
    node: TestNode,
) -> None:
    source = {"configMapKeyRef": {"name": "settings", "key": "colour"}}
    node.pod("one", CURL | {"env": [{"name": "COLOUR", "valueFrom": source}]})
    await node.until(
        lambda: (
            node.status("one").get("state", {}).get("waiting", {}).get("reason")
            == "CreateContainerConfigError"
        ),
        "the container waits",
    )
    assert node.status("one")["state"]["waiting"]["message"] == 'configmap "settings" not found'
    settings = {"metadata": {"name": "settings", "namespace": "default"}, "data": {"colour": "red"}}

    node.objects.create(CONFIG_MAPS, {"apiVersion": "v1", "kind": "ConfigMap", **settings}, manager="test")
    await node.ready("one")
    assert await node.exec("one", "/bin/sh", "-c", "echo $COLOUR") == (0, "red\n")


@on_a_node
async def test_pods_of_a_deployment_sized_crowd_all_start_and_end(node: TestNode) -> None:
    names = [f"pod-{n}" for n in range(20)]
    for name in names:
        node.pod(name, CURL)
    await node.ready(*names)
    assert len({node.get(name)["status"]["podIP"] for name in names}) == 20
    for name in names:
        node.objects.delete(PODS, "default", name)
    await node.until(lambda: not node.objects.store.list(PODS), "all are gone")
    descriptors = list(Path("/proc/self/fd").iterdir())  # noqa: ASYNC240 - does not block
    assert len(descriptors) < 30, "descriptors of ended pods are still open"


@on_a_node
async def test_the_node_knows_when_a_log_grew(node: TestNode) -> None:
    began = time.time()
    node.pod("clock", sh("echo early; sleep 1.5; echo late; sleep 60"))
    await node.logged("clock", "early\nlate\n")
    log = node.node.runtime.logs(node.get("clock"), "app", previous=False)
    assert log is not None
    early, late = log.marks()
    assert (early.size, late.size) == (6, 11)
    assert began < early.time < late.time < time.time()
    # Each is noticed in time.
    assert 1.5 - LOOK - 0.1 < late.time - early.time < 1.5 + LOOK + 0.5
