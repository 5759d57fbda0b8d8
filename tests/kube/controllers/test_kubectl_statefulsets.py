"""What a user does with StatefulSets, typed as he types it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from tests.kube.served import Served, serving

MANIFEST = """
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: web}
spec:
  serviceName: web
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: app, image: "app:1"}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {clusterIP: None, selector: {app: web}, ports: [{name: http, port: 80}]}
"""
CREATED = "create Pod {} in StatefulSet web successful"
DELETED = "delete Pod {} in StatefulSet web successful"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("cluster")) as served:
        yield served


@pytest.fixture
def web(cluster: Served) -> str:
    name = f"ns-{time.monotonic_ns():x}"
    cluster.kubectl("create", "ns", name)
    cluster.kubectl("apply", "-n", name, "-f", "-", stdin=MANIFEST)
    rolled_out(cluster, name)
    return name


def rolled_out(cluster: Served, namespace: str) -> str:
    return cluster.kubectl("-n", namespace, "rollout", "status", "sts/web", "--timeout=10s").splitlines()[-1]


def pods(cluster: Served, namespace: str) -> list[str]:
    shown = "jsonpath={range .items[*]}{.metadata.name}={.spec.containers[0].image} {end}"
    return cluster.kubectl("-n", namespace, "get", "pods", "-o", shown).split()


def events(cluster: Served, namespace: str) -> list[str]:
    found = json.loads(cluster.kubectl("-n", namespace, "get", "events", "-o", "json"))["items"]
    mine = [each for each in found if each["involvedObject"]["kind"] == "StatefulSet"]
    return [
        each["message"] for each in sorted(mine, key=lambda each: int(each["metadata"]["resourceVersion"]))
    ]


def test_pods_come_in_order_by_names_that_last(cluster, web):
    assert pods(cluster, web) == ["web-0=app:1", "web-1=app:1", "web-2=app:1"]
    assert events(cluster, web) == [CREATED.format(f"web-{n}") for n in range(3)]
    table = cluster.kubectl("-n", web, "get", "sts").splitlines()
    assert table[0] == "NAME   READY   AGE"
    assert table[1].split()[:2] == ["web", "3/3"]
    pod = json.loads(cluster.kubectl("-n", web, "get", "pod", "web-1", "-o", "json"))
    revision = cluster.kubectl("-n", web, "get", "sts", "web", "-o", "jsonpath={.status.updateRevision}")
    assert pod["metadata"]["labels"] == {
        "app": "web",
        "apps.kubernetes.io/pod-index": "1",
        "controller-revision-hash": revision,
        "statefulset.kubernetes.io/pod-name": "web-1",
    }
    assert (pod["spec"]["hostname"], pod["spec"]["subdomain"]) == ("web-1", "web")
    assert pod["metadata"]["ownerReferences"][0]["kind"] == "StatefulSet"


def test_a_pod_that_is_deleted_comes_again(cluster, web):
    before = cluster.kubectl("-n", web, "get", "pod", "web-1", "-o", "jsonpath={.metadata.uid}")
    cluster.kubectl("-n", web, "delete", "pod", "web-1")
    rolled_out(cluster, web)
    assert cluster.kubectl("-n", web, "get", "pod", "web-1", "-o", "jsonpath={.metadata.uid}") != before


def test_scaling_takes_the_last_ones_away_and_brings_them_back(cluster, web):
    assert cluster.kubectl("-n", web, "scale", "sts/web", "--replicas=1") == "statefulset.apps/web scaled\n"
    cluster.kubectl("-n", web, "wait", "sts/web", "--for=jsonpath={.status.replicas}=1", "--timeout=10s")
    assert pods(cluster, web) == ["web-0=app:1"]
    assert events(cluster, web)[-2:] == [DELETED.format("web-2"), DELETED.format("web-1")]
    cluster.kubectl("-n", web, "scale", "sts/web", "--replicas=2")
    rolled_out(cluster, web)
    assert pods(cluster, web) == ["web-0=app:1", "web-1=app:1"]


def test_a_new_template_is_rolled_out_from_the_last_one_on_and_back(cluster, web):
    first = cluster.kubectl("-n", web, "get", "sts", "web", "-o", "jsonpath={.status.currentRevision}")
    cluster.kubectl("-n", web, "set", "image", "sts/web", "app=app:2")
    second = cluster.kubectl("-n", web, "get", "sts", "web", "-o", "jsonpath={.status.updateRevision}")
    assert rolled_out(cluster, web) == "partitioned roll out complete: 3 new pods have been updated..."
    assert pods(cluster, web) == ["web-0=app:2", "web-1=app:2", "web-2=app:2"]
    # An event that comes again is the same event.
    assert events(cluster, web) == [text.format(f"web-{n}") for n in (2, 1, 0) for text in (DELETED, CREATED)]
    history = cluster.kubectl("-n", web, "rollout", "history", "sts/web").splitlines()
    assert history[:2] == ["statefulset.apps/web ", "REVISION  CHANGE-CAUSE"]
    assert [line.split()[0] for line in history[2:4]] == ["1", "2"]

    cluster.kubectl("-n", web, "rollout", "undo", "sts/web")
    rolled_out(cluster, web)
    assert pods(cluster, web) == ["web-0=app:1", "web-1=app:1", "web-2=app:1"]
    revisions = json.loads(cluster.kubectl("-n", web, "get", "controllerrevisions", "-o", "json"))["items"]
    numbers = {each["metadata"]["name"]: each["revision"] for each in revisions}
    assert first != second
    assert numbers[first] == 3
    shown = cluster.kubectl("-n", web, "get", "controllerrevisions").splitlines()
    assert shown[0].split() == ["NAME", "CONTROLLER", "REVISION", "AGE"]
    assert shown[1].split()[1] == "statefulset.apps/web"


def test_a_restart_replaces_every_pod(cluster, web):
    def uids() -> list[str]:
        return cluster.kubectl("-n", web, "get", "pods", "-o", "jsonpath={.items[*].metadata.uid}").split()

    before = uids()
    cluster.kubectl("-n", web, "rollout", "restart", "sts/web")
    rolled_out(cluster, web)
    assert len(uids()) == 3
    assert not set(before) & set(uids())


def test_below_the_partition_pods_stay(cluster, web):
    change = {"spec": {"updateStrategy": {"rollingUpdate": {"partition": 2}}}}
    cluster.kubectl("-n", web, "patch", "sts/web", "-p", json.dumps(change))
    cluster.kubectl("-n", web, "set", "image", "sts/web", "app=app:2")
    assert rolled_out(cluster, web) == "partitioned roll out complete: 1 new pods have been updated..."
    assert pods(cluster, web) == ["web-0=app:1", "web-1=app:1", "web-2=app:2"]
    # What comes again is of the old template, too.
    cluster.kubectl("-n", web, "delete", "pod", "web-1")
    cluster.kubectl("-n", web, "wait", "sts/web", "--for=jsonpath={.status.readyReplicas}=3", "--timeout=10s")
    assert pods(cluster, web)[1] == "web-1=app:1"


def test_with_the_set_its_pods_go_unless_they_are_orphaned_and_taken_in_again(cluster, web):
    uid = cluster.kubectl("-n", web, "get", "pod", "web-0", "-o", "jsonpath={.metadata.uid}")
    cluster.kubectl("-n", web, "delete", "sts", "web", "--cascade=orphan")
    assert len(pods(cluster, web)) == 3
    cluster.kubectl("apply", "-n", web, "-f", "-", stdin=MANIFEST)
    rolled_out(cluster, web)
    assert cluster.kubectl("-n", web, "get", "pod", "web-0", "-o", "jsonpath={.metadata.uid}") == uid
    cluster.kubectl("-n", web, "delete", "sts", "web", "--cascade=foreground")
    assert pods(cluster, web) == []


def test_what_may_not_change_is_refused(cluster, web):
    done = cluster.run("-n", web, "patch", "sts/web", "-p", '{"spec": {"serviceName": "other"}}')
    assert done.returncode == 1
    assert done.stderr == (
        'The StatefulSet "web" is invalid: spec: Forbidden: updates to statefulset spec for fields '
        "other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', "
        "'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden\n"
    )
    odd = MANIFEST.replace("  replicas: 3\n", "  podManagementPolicy: Some\n").replace(
        "name: web", "name: odd"
    )
    done = cluster.run("-n", web, "apply", "-f", "-", stdin=odd)
    assert (
        'spec.podManagementPolicy: Unsupported value: "Some": supported values: "OrderedReady", "Parallel"'
        in (done.stderr)
    )


def test_volumes_that_cannot_be_had_are_told_of(cluster, web):
    claim = (
        "  volumeClaimTemplates:\n  - metadata: {name: data}\n    spec: {accessModes: [ReadWriteOnce],"
        " resources: {requests: {storage: 1Gi}}}\n  template:\n"
    )
    manifest = MANIFEST.replace("  template:\n", claim).replace("name: web}", "name: kept}")
    cluster.kubectl("-n", web, "apply", "-f", "-", stdin=manifest)
    deadline = time.monotonic() + 5
    why = (
        "create Pod kept-0 in StatefulSet kept failed error: this cluster has no persistent volumes, "
        "as spec.volumeClaimTemplates asks for"
    )
    while why not in (seen := events(cluster, web)):
        assert time.monotonic() < deadline, seen
        time.sleep(0.1)
