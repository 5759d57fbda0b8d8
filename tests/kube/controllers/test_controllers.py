"""Controllers against the real store and write pipeline, with a node that makes every pod ready at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from lab.kube.admission import Denied
from lab.kube.controllers import ControllerFailed, run_all
from lab.kube.group_resources import (
    CONFIG_MAPS,
    CUSTOM_RESOURCE_DEFINITIONS,
    DEPLOYMENTS,
    ENDPOINT_SLICES,
    ENDPOINTS,
    EVENTS,
    NAMESPACES,
    PODS,
    REPLICA_SETS,
    SERVICE_ACCOUNTS,
    SERVICES,
)
from lab.kube.kinds.scheme import Scheme
from lab.kube.objects import GroupResource, Object, clone
from lab.kube.store import Store
from lab.kube.writing.writes import Writes
from tests.kube.local_runtime import run_node

NAMESPACES, PODS, SERVICES = (
    NAMESPACES,
    PODS,
    SERVICES,
)
CONFIG_MAPS, ACCOUNTS, EVENTS = (
    CONFIG_MAPS,
    SERVICE_ACCOUNTS,
    EVENTS,
)
ENDPOINTS, SLICES = ENDPOINTS, ENDPOINT_SLICES
DEPLOYMENTS, REPLICA_SETS = DEPLOYMENTS, REPLICA_SETS


class Cluster(Writes):
    """The write pipeline, with short-hands for a test."""

    def names(self, key: GroupResource, namespace: str = "default") -> list[str]:
        return [obj["metadata"]["name"] for obj in self.store.list(key, namespace)]

    def one(self, key: GroupResource, name: str, namespace: str = "default") -> Object:
        found = self.store.get(key, namespace, name)
        assert found is not None, f"no {name} among {self.names(key, namespace)}"
        return found

    def add(self, key: GroupResource, obj: Object) -> Object:
        return self.create(key, obj, manager="test")

    def change(self, key: GroupResource, name: str, namespace: str = "default", **spec: object) -> Object:
        changed = clone(self.one(key, name, namespace))
        changed["spec"].update(spec)
        return self.update(key, changed, manager="test")

    def messages(self, reason: str) -> list[str]:
        return [event["message"] for event in self.store.list(EVENTS) if event["reason"] == reason]

    async def quiet(self) -> None:
        """Returns when nobody writes any more."""
        async with asyncio.timeout(5):
            idle = 0
            while idle < 20:
                before = self.store.revision
                await asyncio.sleep(0)
                idle = idle + 1 if self.store.revision == before else 0


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    objects = Cluster(Store(), Scheme())
    objects.add(NAMESPACES, namespace("default"))
    tasks = [
        asyncio.create_task(run_all(objects, ca_certificate="PEM", api_address=("10.244.0.1", 6443))),
        asyncio.create_task(run_node(objects)),
    ]
    await objects.quiet()
    yield objects
    failures = [task.exception() for task in tasks if task.done()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert failures == []


def namespace(name: str) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def config_map(name: str, namespace: str = "default", **metadata: object) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, **metadata},
    }


def deployment(name: str = "web", *, image: str = "app:1", replicas: int = 1, **spec: object) -> Object:
    ports = [{"name": "http", "containerPort": 8080}]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "app", "image": image, "ports": ports}]},
            },
            **spec,
        },
    }


def template(image: str, **annotations: str) -> Object:
    return {
        "metadata": {"labels": {"app": "web"}, "annotations": annotations},
        "spec": {"containers": [{"name": "app", "image": image}]},
    }


def condition(obj: Object, kind: str) -> tuple[str, str]:
    found = {each["type"]: each for each in obj["status"]["conditions"]}[kind]
    return found["status"], found["reason"]


async def test_every_namespace_is_born_with_its_account_and_the_api_s_certificate(cluster):
    cluster.add(NAMESPACES, namespace("foo"))
    await cluster.quiet()
    assert cluster.names(ACCOUNTS, "foo") == ["default"]
    assert cluster.one(CONFIG_MAPS, "kube-root-ca.crt", "foo")["data"] == {"ca.crt": "PEM"}
    cluster.delete(ACCOUNTS, "foo", "default")
    await cluster.quiet()
    assert cluster.names(ACCOUNTS, "foo") == ["default"]


async def test_the_api_is_a_service_in_default(cluster):
    assert cluster.one(SERVICES, "kubernetes")["spec"]["clusterIP"] == "10.96.0.1"
    [subset] = cluster.one(ENDPOINTS, "kubernetes")["subsets"]
    assert subset["addresses"] == [{"ip": "10.244.0.1"}]
    assert [port["port"] for port in subset["ports"]] == [6443]
    assert cluster.names(SLICES) == ["kubernetes"]


async def test_a_deleted_namespace_takes_everything_in_it_along(cluster):
    cluster.add(NAMESPACES, namespace("foo"))
    cluster.add(CONFIG_MAPS, config_map("settings", "foo"))
    web = deployment(replicas=2)
    web["metadata"]["namespace"] = "foo"
    cluster.add(DEPLOYMENTS, web)
    await cluster.quiet()
    assert len(cluster.names(PODS, "foo")) == 2
    cluster.delete(NAMESPACES, "", "foo")
    await cluster.quiet()
    assert cluster.store.get(NAMESPACES, "", "foo") is None
    left = {key: cluster.names(key, "foo") for key in sorted(cluster.store.keys())}
    assert not any(left.values()), left


async def test_a_finalizer_inside_holds_a_namespace_and_is_named(cluster):
    cluster.add(NAMESPACES, namespace("foo"))
    cluster.add(CONFIG_MAPS, config_map("held", "foo", finalizers=["example.com/hold"]))
    await cluster.quiet()
    cluster.delete(NAMESPACES, "", "foo")
    await cluster.quiet()
    held = cluster.one(NAMESPACES, "foo", "")
    assert held["status"]["phase"] == "Terminating"
    messages = [each["message"] for each in held["status"]["conditions"]]
    assert messages == [
        "Some resources are remaining: configmaps. has 1 resource instances",
        "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances",
    ]
    released = clone(cluster.one(CONFIG_MAPS, "held", "foo"))
    released["metadata"]["finalizers"] = []
    cluster.update(CONFIG_MAPS, released, manager="test")
    await cluster.quiet()
    assert cluster.store.get(NAMESPACES, "", "foo") is None


async def test_custom_resources_go_with_their_namespace(cluster):
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": "widgets", "kind": "Widget"}
    spec = {"group": "example.com", "scope": "Namespaced", "names": names, "versions": [version]}
    crd = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": spec,
    }
    cluster.add(CUSTOM_RESOURCE_DEFINITIONS, crd)
    cluster.add(NAMESPACES, namespace("foo"))
    widgets = GroupResource("example.com", "widgets")
    metadata = {"name": "w", "namespace": "foo"}
    cluster.add(widgets, {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": metadata})
    cluster.delete(NAMESPACES, "", "foo")
    await cluster.quiet()
    assert cluster.names(widgets, "foo") == []
    assert cluster.store.get(NAMESPACES, "", "foo") is None


def owned(name: str, *owners: Object, **reference: object) -> Object:
    references = [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "name": owner["metadata"]["name"],
            "uid": owner["metadata"]["uid"],
            **reference,
        }
        for owner in owners
    ]
    return config_map(name, ownerReferences=references)


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


def service(name: str = "web", **spec: object) -> Object:
    ports = [{"name": "web", "port": 80, "targetPort": "http"}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "default", "labels": {"app": name}},
        "spec": {"selector": {"app": "web"}, "ports": ports, **spec},
    }


def addresses(endpoints: Object, kind: str = "addresses") -> list[str]:
    return [address["ip"] for subset in endpoints.get("subsets", ()) for address in subset.get(kind, ())]


async def test_endpoints_follow_the_ready_pods_with_named_ports_resolved(cluster):
    cluster.add(SERVICES, service())
    cluster.add(DEPLOYMENTS, deployment(replicas=2))
    await cluster.quiet()
    ips = sorted(pod["status"]["podIP"] for pod in cluster.store.list(PODS))
    endpoints = cluster.one(ENDPOINTS, "web")
    assert sorted(addresses(endpoints)) == ips
    assert endpoints["subsets"][0]["ports"] == [{"name": "web", "port": 8080, "protocol": "TCP"}]
    [found] = [each for each in cluster.store.list(SLICES) if each["metadata"]["name"] != "kubernetes"]
    assert found["metadata"]["labels"]["kubernetes.io/service-name"] == "web"
    assert sorted(ip for each in found["endpoints"] for ip in each["addresses"]) == ips
    assert [port["port"] for port in found["ports"]] == [8080]
    cluster.change(DEPLOYMENTS, "web", replicas=0)
    await cluster.quiet()
    assert addresses(cluster.one(ENDPOINTS, "web")) == []
    cluster.delete(SERVICES, "default", "web")
    await cluster.quiet()
    assert cluster.names(ENDPOINTS) == ["kubernetes"]
    assert cluster.names(SLICES) == ["kubernetes"]


async def test_a_named_port_may_be_that_of_a_native_sidecar(cluster):
    """But not that of an init container that ends."""
    with_sidecar = deployment()
    spec = with_sidecar["spec"]["template"]["spec"]
    [container] = spec["containers"]
    container["ports"] = []
    once = {"name": "once", "image": "app:1", "ports": [{"name": "http", "containerPort": 8081}]}
    proxy = {"name": "proxy", "image": "app:1", "restartPolicy": "Always"}
    spec["initContainers"] = [once, proxy | {"ports": [{"name": "http", "containerPort": 8082}]}]
    cluster.add(SERVICES, service())
    cluster.add(DEPLOYMENTS, with_sidecar)
    await cluster.quiet()
    assert [port["port"] for port in cluster.one(ENDPOINTS, "web")["subsets"][0]["ports"]] == [8082]


async def test_a_pod_that_is_not_ready_is_no_address_unless_the_service_wants_it(cluster):
    unready = deployment()
    unready["spec"]["template"]["metadata"]["annotations"] = {"test/unready": ""}
    cluster.add(DEPLOYMENTS, unready)
    cluster.add(SERVICES, service())
    cluster.add(SERVICES, service("eager", publishNotReadyAddresses=True, clusterIP="None"))
    await cluster.quiet()
    [pod] = cluster.store.list(PODS)
    ip = pod["status"]["podIP"]
    shy, eager = cluster.one(ENDPOINTS, "web"), cluster.one(ENDPOINTS, "eager")
    assert (addresses(shy), addresses(shy, "notReadyAddresses")) == ([], [ip])
    assert addresses(eager) == [ip]
    assert eager["metadata"]["labels"]["service.kubernetes.io/headless"] == ""


async def test_endpoints_of_a_service_without_selector_are_its_owner_s_affair(cluster):
    plain = service("external")
    del plain["spec"]["selector"]
    cluster.add(SERVICES, plain)
    subsets = [
        {"addresses": [{"ip": "192.0.2.1"}], "ports": [{"name": "web", "port": 80, "protocol": "TCP"}]}
    ]
    own = {"metadata": {"name": "external", "namespace": "default"}, "subsets": subsets}
    cluster.add(ENDPOINTS, {"apiVersion": "v1", "kind": "Endpoints", **own})
    await cluster.quiet()
    assert addresses(cluster.one(ENDPOINTS, "external")) == ["192.0.2.1"]


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
