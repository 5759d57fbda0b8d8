"""Deployments, their ReplicaSets and pods: rollouts, scaling, history."""

from __future__ import annotations

import asyncio

from lab.kube.admission import Denied
from lab.kube.group_resources import CONFIG_MAPS, DEPLOYMENTS, PODS, REPLICA_SETS
from lab.kube.objects import Object
from tests.kube.controllers.controlled import condition, config_map, deployment, template


async def test_a_deployment_becomes_available_through_a_replica_set(cluster):
    cluster.add(DEPLOYMENTS, deployment(replicas=2))
    await cluster.quiet()
    [replica_set] = cluster.store.list(REPLICA_SETS)
    short = replica_set["metadata"]["labels"]["pod-template-hash"]
    assert replica_set["metadata"]["name"] == f"web-{short}"
    assert all(name.startswith(f"web-{short}-") for name in cluster.names(PODS))
    web = cluster.one(DEPLOYMENTS, "web")
    counts = {key: value for key, value in web["status"].items() if key != "conditions"}
    assert counts == {
        "observedGeneration": 1,
        "replicas": 2,
        "updatedReplicas": 2,
        "readyReplicas": 2,
        "availableReplicas": 2,
    }
    assert condition(web, "Available") == ("True", "MinimumReplicasAvailable")
    assert condition(web, "Progressing") == ("True", "NewReplicaSetAvailable")
    assert web["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "1"
    assert web["metadata"]["generation"] == 1
    assert cluster.messages("ScalingReplicaSet") == [f"Scaled up replica set web-{short} from 0 to 2"]


async def test_the_pod_exists_a_few_turns_of_the_loop_after_its_deployment(cluster):
    cluster.add(DEPLOYMENTS, deployment())
    for _ in range(6):
        await asyncio.sleep(0)
    assert len(cluster.names(PODS)) == 1


async def test_a_new_template_replaces_the_pods_and_an_old_one_comes_back_under_a_new_revision(cluster):
    cluster.add(DEPLOYMENTS, deployment(replicas=3))
    await cluster.quiet()
    first = set(cluster.names(PODS))
    cluster.change(DEPLOYMENTS, "web", template=template("app:2"))
    await cluster.quiet()
    images = {pod["spec"]["containers"][0]["image"] for pod in cluster.store.list(PODS)}
    assert images == {"app:2"}
    assert len(cluster.names(PODS)) == 3
    assert not first & set(cluster.names(PODS))
    original = next(each for each in cluster.store.list(REPLICA_SETS) if not each["spec"]["replicas"])
    cluster.change(DEPLOYMENTS, "web", template=original["spec"]["template"])
    await cluster.quiet()
    back = cluster.one(REPLICA_SETS, original["metadata"]["name"])
    annotations = back["metadata"]["annotations"]
    assert annotations["deployment.kubernetes.io/revision"] == "3"
    assert annotations["deployment.kubernetes.io/revision-history"] == "1"
    assert back["spec"]["replicas"] == 3
    assert len(cluster.store.list(REPLICA_SETS)) == 2


async def test_pods_that_never_get_ready_do_not_push_out_the_old_ones(cluster):
    cluster.add(DEPLOYMENTS, deployment(replicas=4))
    await cluster.quiet()
    cluster.change(DEPLOYMENTS, "web", template=template("app:2", **{"test/unready": ""}))
    await cluster.quiet()
    web = cluster.one(DEPLOYMENTS, "web")
    assert web["status"]["availableReplicas"] == 3
    assert web["status"]["replicas"] == 5
    assert condition(web, "Available") == ("True", "MinimumReplicasAvailable")
    assert condition(web, "Progressing") == ("True", "ReplicaSetUpdated")


async def test_a_rollout_without_progress_exceeds_its_deadline(cluster):
    stuck = deployment(progressDeadlineSeconds=1)
    stuck["spec"]["template"]["metadata"]["annotations"] = {"test/unready": ""}
    cluster.add(DEPLOYMENTS, stuck)
    await cluster.quiet()
    assert condition(cluster.one(DEPLOYMENTS, "web"), "Progressing")[0] == "True"
    async with asyncio.timeout(5):
        async with cluster.store.watch(DEPLOYMENTS) as events:
            async for event in events:
                if condition(event.object, "Progressing") == ("False", "ProgressDeadlineExceeded"):
                    break
    assert condition(cluster.one(DEPLOYMENTS, "web"), "Available") == ("False", "MinimumReplicasUnavailable")


async def test_recreate_never_runs_two_templates_at_once(cluster):
    cluster.add(DEPLOYMENTS, deployment(replicas=2, strategy={"type": "Recreate"}))
    await cluster.quiet()
    seen: list[set[str]] = []
    async with cluster.store.watch(PODS, replay=False) as events:
        cluster.change(DEPLOYMENTS, "web", template=template("app:2"))
        await cluster.quiet()
        present = {"app:1": 2, "app:2": 0}
        for event in events.pending():
            image = event.object["spec"]["containers"][0]["image"]
            present[image] += {"ADDED": 1, "DELETED": -1, "MODIFIED": 0}[event.type]
            seen.append({image for image, count in present.items() if count})
    assert {"app:1", "app:2"} not in seen
    assert present == {"app:1": 0, "app:2": 2}


async def test_scaling_changes_the_pods_and_lost_ones_are_replaced(cluster):
    cluster.add(DEPLOYMENTS, deployment(replicas=3))
    await cluster.quiet()
    cluster.change(DEPLOYMENTS, "web", replicas=1)
    await cluster.quiet()
    [survivor] = cluster.names(PODS)
    cluster.delete(PODS, "default", survivor)
    await cluster.quiet()
    [successor] = cluster.names(PODS)
    assert successor != survivor
    cluster.change(DEPLOYMENTS, "web", replicas=0)
    await cluster.quiet()
    assert cluster.names(PODS) == []
    assert condition(cluster.one(DEPLOYMENTS, "web"), "Available")[0] == "True"


async def test_a_paused_deployment_scales_but_does_not_roll(cluster):
    cluster.add(DEPLOYMENTS, deployment())
    await cluster.quiet()
    cluster.change(DEPLOYMENTS, "web", paused=True, template=template("app:2"), replicas=2)
    await cluster.quiet()
    images = [pod["spec"]["containers"][0]["image"] for pod in cluster.store.list(PODS)]
    assert images == ["app:1", "app:1"]
    assert condition(cluster.one(DEPLOYMENTS, "web"), "Progressing") == ("Unknown", "DeploymentPaused")
    cluster.change(DEPLOYMENTS, "web", paused=False)
    await cluster.quiet()
    images = [pod["spec"]["containers"][0]["image"] for pod in cluster.store.list(PODS)]
    assert images == ["app:2", "app:2"]
    assert condition(cluster.one(DEPLOYMENTS, "web"), "Progressing") == ("True", "NewReplicaSetAvailable")


async def test_old_replica_sets_beyond_the_history_limit_go(cluster):
    cluster.add(DEPLOYMENTS, deployment(revisionHistoryLimit=1))
    for version in (2, 3, 4):
        await cluster.quiet()
        cluster.change(DEPLOYMENTS, "web", template=template(f"app:{version}"))
    await cluster.quiet()
    revisions = sorted(
        each["metadata"]["annotations"]["deployment.kubernetes.io/revision"]
        for each in cluster.store.list(REPLICA_SETS)
    )
    assert revisions == ["3", "4"]


async def test_a_deployment_adopts_what_an_orphaning_deletion_left(cluster):
    cluster.add(DEPLOYMENTS, deployment())
    await cluster.quiet()
    pods = cluster.names(PODS)
    cluster.delete(DEPLOYMENTS, "default", "web", propagation="Orphan")
    await cluster.quiet()
    assert cluster.names(PODS) == pods
    cluster.add(DEPLOYMENTS, deployment())
    await cluster.quiet()
    assert cluster.names(PODS) == pods
    cluster.delete(DEPLOYMENTS, "default", "web")
    await cluster.quiet()
    assert cluster.names(PODS) == []


async def test_a_refused_pod_is_told_in_an_event_and_does_not_stop_the_controller(cluster):
    def refuse(new: Object, old: Object | None) -> Object:
        if old is None:
            raise Denied("not today", webhook="pods.example.com")
        return new

    cluster.admit(PODS, refuse)
    cluster.add(DEPLOYMENTS, deployment())
    await cluster.quiet()
    [message] = set(cluster.messages("FailedCreate"))
    assert message == ('Error creating: admission webhook "pods.example.com" denied the request: not today')
    [replica_set] = cluster.store.list(REPLICA_SETS)
    assert condition(replica_set, "ReplicaFailure") == ("True", "FailedCreate")
    cluster.add(CONFIG_MAPS, config_map("still-alive"))
