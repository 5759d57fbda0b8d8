"""exec as kubectl and the official Python client do it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest
from kubernetes import client
from kubernetes.client.exceptions import ApiException
from kubernetes.stream import stream

from tests.kube.api.test_exec import members
from tests.kube.served import Served, serving

MANIFEST = """
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: app, image: app}]}
---
apiVersion: v1
kind: Pod
metadata: {name: two}
spec: {containers: [{name: app, image: app}, {name: istio-proxy, image: proxy}]}
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("cluster")) as served:
        served.kubectl("create", "-f", "-", stdin=MANIFEST)
        served.kubectl("wait", "--for=condition=Ready", "pod", "--all", "--timeout=5s")
        yield served


@pytest.fixture
def core(cluster: Served) -> Iterator[client.CoreV1Api]:
    with cluster.api() as api:
        yield client.CoreV1Api(api)


def test_kubectl_gives_the_command_s_output_and_exit_code(cluster):
    done = cluster.run("exec", "web", "--", "sh", "-c", "echo out; echo err >&2; exit 56")
    assert (done.stdout, done.returncode) == ("out\n", 56)
    assert done.stderr == "err\ncommand terminated with exit code 56\n"


def test_kubectl_passes_a_mebibyte_through(cluster):
    text = "0123456789abcdef" * 65536
    assert cluster.kubectl("exec", "-i", "web", "--", "cat", stdin=text) == text


def test_kubectl_takes_the_first_container_and_says_so(cluster):
    done = cluster.run("exec", "two", "--", "echo", "hi")
    assert (done.stdout, done.stderr) == ("hi\n", 'Defaulted container "app" out of: app, istio-proxy\n')
    assert cluster.kubectl("exec", "two", "-c", "istio-proxy", "--", "echo", "hi") == "hi\n"


def test_kubectl_reports_what_cannot_be_run(cluster):
    missing = cluster.refused("exec", "web", "--", "no-such-program")
    assert missing == (
        "error: Internal error occurred: error executing command in container: "
        'exec: "no-such-program": No such file or directory\n'
    )
    assert cluster.refused("exec", "nope", "--", "true") == (
        'Error from server (NotFound): pods "nope" not found\n'
    )
    assert cluster.refused("exec", "web", "-c", "nope", "--", "true") == (
        "Error from server (BadRequest): container nope is not valid for pod web\n"
    )


def test_kubectl_without_websockets_is_told_what_is_missing(cluster):
    done = cluster.run("exec", "web", "--", "true", env={"KUBECTL_REMOTE_COMMAND_WEBSOCKETS": "false"})
    assert done.returncode == 1
    assert "SPDY is not supported by this server; use WebSockets" in done.stderr


def test_a_killed_kubectl_takes_the_remote_processes_along(cluster):
    command = ["kubectl", "exec", "web", "--", "sh", "-c", "sleep 300 & echo $$; wait"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=cluster.environment()) as running:
        assert running.stdout
        group = int(running.stdout.readline())
        assert len(members(group)) == 2
        running.send_signal(signal.SIGKILL)
        end = time.monotonic() + 5
        while members(group) and time.monotonic() < end:
            time.sleep(0.01)
        assert members(group) == []


def test_kubectl_cp_works_both_ways(cluster, tmp_path):
    source, target, back = tmp_path / "source", tmp_path / "target", tmp_path / "back"
    source.write_bytes(os.urandom(300_000))
    cluster.kubectl("cp", str(source), f"web:{target}")
    assert target.read_bytes() == source.read_bytes()
    cluster.kubectl("cp", f"web:{target}", str(back))
    assert back.read_bytes() == source.read_bytes()


def run(core: client.CoreV1Api, *argv: str, pod: str = "web", **options: object):
    return stream(
        core.connect_get_namespaced_pod_exec,
        pod,
        "default",
        command=list(argv),
        stdout=True,
        stderr=True,
        stdin=options.pop("stdin", False),
        tty=False,
        _preload_content=False,
        **options,
    )


def test_the_python_client_gets_output_error_and_exit_code(core):
    running = run(core, "sh", "-c", "echo out; echo err >&2; exit 7")
    running.run_forever(timeout=5)
    assert (running.read_stdout(), running.read_stderr()) == ("out\n", "err\n")
    assert running.returncode == 7


def test_the_python_client_talks_to_one_shell_for_long(core):
    shell = run(core, "sh", stdin=True)
    for number in range(50):
        shell.write_stdin(f"echo {number}\n")
        assert shell.readline_stdout(timeout=5) == str(number)
    shell.close()


def test_the_python_client_sees_why_an_exec_was_refused(core):
    with pytest.raises(ApiException) as refused:
        run(core, "true", pod="two")
    assert "a container name must be specified for pod two" in refused.value.reason
    with pytest.raises(ApiException, match="not found"):
        run(core, "true", pod="nope")


def test_no_exec_leaves_a_process_behind(cluster, core):
    run(core, "sleep", "300").close()
    end = time.monotonic() + 5
    while (left := [pid for pid in cluster.runtime.started if members(pid)]) and time.monotonic() < end:
        time.sleep(0.01)
    assert left == []
