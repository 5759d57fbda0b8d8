"""What a user does with Deployments and namespaces, typed as he types it."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.kube.served import Served, serving

MANIFEST = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: app, image: "app:1"}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("cluster")) as served:
        yield served


@pytest.fixture
def namespace(cluster: Served, request: pytest.FixtureRequest) -> str:
    name = f"ns-{time.monotonic_ns():x}"
    cluster.kubectl("create", "ns", name)
    return name


@pytest.fixture
def web(cluster: Served, namespace: str) -> str:
    made = cluster.kubectl("apply", "-n", namespace, "-f", "-", stdin=MANIFEST)
    assert made == "deployment.apps/web created\nservice/web created\n"
    return namespace


def last(text: str) -> str:
    return text.splitlines()[-1]


ROLLED_OUT = 'deployment "web" successfully rolled out'


def test_wait_for_available_and_ready(cluster, web):
    assert cluster.kubectl("-n", web, "wait", "--for=condition=Available", "deploy/web", "--timeout=5s") == (
        "deployment.apps/web condition met\n"
    )
    ready = cluster.kubectl(
        "-n", web, "wait", "--for=condition=Ready", "pod", "-l", "app=web", "--timeout=5s"
    )
    assert ready.count("condition met\n") == 2
    phase = ("--for=jsonpath={.status.readyReplicas}=2", "deploy/web", "--timeout=5s")
    assert cluster.kubectl("-n", web, "wait", *phase) == "deployment.apps/web condition met\n"


def test_rollout_restart_undo_and_history(cluster, web):
    assert last(cluster.kubectl("-n", web, "rollout", "status", "deploy/web")) == ROLLED_OUT
    assert cluster.kubectl("-n", web, "rollout", "restart", "deploy/web") == "deployment.apps/web restarted\n"
    assert last(cluster.kubectl("-n", web, "rollout", "status", "deploy/web")) == ROLLED_OUT
    assert cluster.kubectl("-n", web, "rollout", "history", "deploy/web") == (
        "deployment.apps/web \nREVISION  CHANGE-CAUSE\n1         <none>\n2         <none>\n\n"
    )
    assert cluster.kubectl("-n", web, "rollout", "undo", "deploy/web") == "deployment.apps/web rolled back\n"
    assert last(cluster.kubectl("-n", web, "rollout", "status", "deploy/web")) == ROLLED_OUT
    history = cluster.kubectl("-n", web, "rollout", "history", "deploy/web").splitlines()
    assert [line.split()[0] for line in history[2:] if line] == ["2", "3"]
    assert "Image:\tapp:1" in cluster.kubectl("-n", web, "rollout", "history", "deploy/web", "--revision=3")


def test_set_image_rolls_and_pause_holds(cluster, web):
    assert cluster.kubectl("-n", web, "rollout", "pause", "deploy/web") == "deployment.apps/web paused\n"
    cluster.kubectl("-n", web, "set", "image", "deploy/web", "app=app:2")
    assert cluster.kubectl("-n", web, "rollout", "resume", "deploy/web") == "deployment.apps/web resumed\n"
    assert last(cluster.kubectl("-n", web, "rollout", "status", "deploy/web", "--timeout=5s")) == ROLLED_OUT
    images = cluster.kubectl("-n", web, "get", "pods", "-o", "jsonpath={.items[*].spec.containers[*].image}")
    assert images == "app:2 app:2"


def test_scale(cluster, web):
    assert cluster.kubectl("-n", web, "scale", "deploy/web", "--replicas=3") == "deployment.apps/web scaled\n"
    assert last(cluster.kubectl("-n", web, "rollout", "status", "deploy/web", "--timeout=5s")) == ROLLED_OUT
    assert len(cluster.kubectl("-n", web, "get", "pods", "-o", "name").splitlines()) == 3
    wrong = cluster.refused("-n", web, "scale", "deploy/web", "--replicas=1", "--current-replicas=9")
    assert "Expected replicas to be 9, was 3" in wrong


def test_a_second_apply_changes_nothing(cluster, web):
    again = cluster.kubectl("apply", "-n", web, "-f", "-", stdin=MANIFEST)
    assert again == "deployment.apps/web unchanged\nservice/web unchanged\n"


def test_deleting_a_deployment_takes_its_pods_along(cluster, web):
    assert cluster.kubectl("-n", web, "delete", "deploy", "web") == 'deployment.apps "web" deleted\n'
    cluster.kubectl("-n", web, "wait", "--for=delete", "pod", "-l", "app=web", "--timeout=5s")
    assert cluster.kubectl("-n", web, "get", "pods,rs", "-o", "name") == ""


def test_deleting_a_deployment_can_leave_its_pods(cluster, web):
    cluster.kubectl("-n", web, "delete", "deploy", "web", "--cascade=orphan")
    assert len(cluster.kubectl("-n", web, "get", "pods", "-o", "name").splitlines()) == 2
    cluster.kubectl("-n", web, "delete", "rs", "--all", "--cascade=foreground")
    assert cluster.kubectl("-n", web, "get", "pods", "-o", "name") == ""


def test_deleting_a_namespace_waits_until_it_is_empty(cluster, web):
    assert cluster.kubectl("delete", "ns", web) == f'namespace "{web}" deleted\n'
    assert cluster.kubectl("get", "all,cm,sa,ep,endpointslices", "-n", web, "-o", "name") == ""
    assert (
        cluster.refused("get", "ns", web) == f'Error from server (NotFound): namespaces "{web}" not found\n'
    )


def test_endpoints_of_the_service(cluster, web):
    cluster.kubectl("-n", web, "rollout", "status", "deploy/web")
    addresses = json.loads(cluster.kubectl("-n", web, "get", "ep", "web", "-o", "json"))["subsets"][0]
    ips = cluster.kubectl("-n", web, "get", "pods", "-o", "jsonpath={.items[*].status.podIP}").split()
    assert sorted(each["ip"] for each in addresses["addresses"]) == sorted(ips)
    assert addresses["ports"] == [{"name": "http", "port": 8080, "protocol": "TCP"}]


@pytest.fixture
def pod(cluster: Served, web: str) -> str:
    cluster.kubectl("-n", web, "rollout", "status", "deploy/web")
    return cluster.kubectl("-n", web, "get", "pods", "-o", "jsonpath={.items[0].metadata.name}")


def test_logs(cluster, web, pod):
    log = cluster.directory / f"{pod}.app.log"
    log.write_text("one\ntwo\nthree\n")
    assert cluster.kubectl("-n", web, "logs", pod) == "one\ntwo\nthree\n"
    assert cluster.kubectl("-n", web, "logs", pod, "--tail=1") == "three\n"
    assert cluster.refused("-n", web, "logs", pod, "-c", "nope").endswith(
        f"error: container nope is not valid for pod {pod}\n"
    )
    assert "previous terminated container" in cluster.refused("-n", web, "logs", pod, "-p")


def test_logs_follow(cluster, web, pod):
    log = cluster.directory / f"{pod}.app.log"
    log.write_text("early\n")
    command = ["kubectl", "-n", web, "logs", "-f", pod]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=cluster.environment()) as following:
        assert following.stdout
        assert following.stdout.readline() == "early\n"
        with log.open("a") as file:
            file.write("later\n")
        assert following.stdout.readline() == "later\n"
        cluster.kubectl("-n", web, "delete", "pod", pod, "--grace-period=0", "--force")
        assert following.stdout.read() == ""
        assert following.wait(5) == 0


def test_what_get_prints_can_be_applied_again(cluster, web):
    printed = cluster.kubectl("-n", web, "get", "deploy,svc", "-o", "yaml")
    assert printed.splitlines()[-3] == "kind: List"
    cluster.kubectl("apply", "-f", "-", stdin=printed)
