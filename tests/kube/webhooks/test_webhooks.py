"""Admission webhooks: a real HTTPS server, asked about what kubectl and the controllers write."""

from __future__ import annotations

import asyncio
import json
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import web

from lab.kube.group_resources import NAMESPACES
from tests.kube.hook_server import HookServer, allowed, denied, patched
from tests.kube.served import Served, serving

GROUP = "admissionregistration.k8s.io"
ANNOTATIONS = {"op": "add", "path": "/metadata/annotations", "value": {}}


@pytest.fixture(scope="module")
def hooks() -> Iterator[HookServer]:
    with HookServer().serving() as server:
        yield server


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("cluster")) as served:
        yield served


@pytest.fixture
def namespace(cluster: Served) -> str:
    name = f"ns-{uuid.uuid4().hex[:8]}"
    made = {"metadata": {"name": name, "labels": {"hooked": name}}}
    cluster.within(lambda: cluster.objects.create(NAMESPACES, made, manager="test"))
    return name


class Configured:
    """Webhooks that are asked about one namespace, for as long as a test."""

    def __init__(self, cluster: Served, hooks: HookServer, namespace: str) -> None:
        self._cluster, self._hooks, self._namespace = cluster, hooks, namespace
        self.names: list[tuple[str, str]] = []

    def add(self, path: str, behaviour: Any = None, *, mutating: bool = False, **webhook: Any) -> None:
        """The webhook `PATH.hooks.example`, in a configuration of the path's name."""
        if behaviour is not None:
            self._hooks.on(path, behaviour)
        kind = "MutatingWebhookConfiguration" if mutating else "ValidatingWebhookConfiguration"
        name = f"{path}-{self._namespace}"
        declared = {
            "name": f"{path}.hooks.example",
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "clientConfig": {"url": self._hooks.url(path), "caBundle": self._hooks.ca_bundle},
            "namespaceSelector": {"matchLabels": {"hooked": self._namespace}},
            "rules": [
                {
                    "operations": ["CREATE", "UPDATE"],
                    "apiGroups": [""],
                    "apiVersions": ["v1"],
                    "resources": ["configmaps"],
                }
            ],
            **webhook,
        }
        manifest = {
            "apiVersion": f"{GROUP}/v1",
            "kind": kind,
            "metadata": {"name": name},
            "webhooks": [declared],
        }
        self._cluster.kubectl("create", "-f", "-", stdin=json.dumps(manifest))
        self.names.append((kind, name))
        self._hooks.asked.clear()

    def remove(self) -> None:
        for kind, name in self.names:
            self._cluster.kubectl("delete", kind, name)


@pytest.fixture
def configured(cluster: Served, hooks: HookServer, namespace: str) -> Iterator[Configured]:
    configured = Configured(cluster, hooks, namespace)
    yield configured
    configured.remove()


def settings(namespace: str, name: str = "settings", **more: Any) -> str:
    metadata = {"name": name, "namespace": namespace, **more.pop("metadata", {})}
    return json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, **more})


def stored(cluster: Served, namespace: str, what: str = "cm/settings") -> dict[str, Any]:
    return json.loads(cluster.kubectl("-n", namespace, "get", what, "-o", "json", "--show-managed-fields"))


def create(cluster: Served, manifest: str, *options: str) -> subprocess.CompletedProcess[str]:
    return cluster.run("create", "-f", "-", *options, stdin=manifest)


def test_what_a_webhook_is_asked(cluster, hooks, namespace, configured):
    configured.add("question", lambda _: allowed())
    assert create(cluster, settings(namespace, data={"a": "b"})).returncode == 0
    (asked,) = hooks.requests("question")
    obj = asked.pop("object")
    assert obj["data"] == {"a": "b"}
    assert obj["metadata"]["managedFields"][0]["manager"] == "kubectl-create"
    assert asked.pop("uid")
    assert asked == {
        "kind": {"group": "", "version": "v1", "kind": "ConfigMap"},
        "requestKind": {"group": "", "version": "v1", "kind": "ConfigMap"},
        "resource": {"group": "", "version": "v1", "resource": "configmaps"},
        "requestResource": {"group": "", "version": "v1", "resource": "configmaps"},
        "name": "settings",
        "namespace": namespace,
        "operation": "CREATE",
        "userInfo": {
            "username": "kubernetes-admin",
            "groups": ["system:masters", "system:authenticated"],
        },
        "oldObject": None,
        "dryRun": False,
        "options": {
            "kind": "CreateOptions",
            "apiVersion": "meta.k8s.io/v1",
            "fieldManager": "kubectl-create",
        },
    }


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (denied("not on a Friday"), ": not on a Friday"),
        (denied("", reason="Forbidden", code=403), ": Forbidden"),
        (denied(), " without explanation"),
        (denied("no", code=200), ": no"),
    ],
)
def test_a_denial_reads_as_the_api_server_words_it(cluster, namespace, configured, answer, said):
    configured.add("denial", lambda _: answer)
    done = create(cluster, settings(namespace))
    assert done.returncode == 1
    assert f'admission webhook "denial.hooks.example" denied the request{said}\n' in done.stderr
    assert "not found" in cluster.refused("-n", namespace, "get", "cm", "settings")


def test_the_code_of_a_denial_is_the_webhooks(cluster, namespace, configured):
    configured.add("teapot", lambda _: denied("short and stout", code=418, reason="Teapot"))
    told = cluster.run("create", "-f", "-", "-v=8", stdin=settings(namespace)).stderr
    assert "Response Status: 418" in told
    assert "Error from server (Teapot): " in told


def test_warnings_reach_kubectl(cluster, namespace, configured):
    long = "it is recommended " * 12 + "to read to the end"
    configured.add("warning", lambda _: allowed(warnings=["mind the gap", long]))
    done = create(cluster, settings(namespace))
    assert done.stderr == f"Warning: mind the gap\nWarning: {long}\n"
    assert done.stdout == "configmap/settings created\n"


def test_mutating_webhooks_come_first_and_in_the_order_of_their_names(cluster, hooks, namespace, configured):
    def add(letter: str) -> Any:
        return lambda asked: patched(
            {
                "op": "add",
                "path": "/data/order",
                "value": asked["object"]["data"].get("order", "") + letter,
            }
        )

    configured.add("validating", lambda _: allowed())
    configured.add("b-second", add("b"), mutating=True)
    configured.add("a-first", add("a"), mutating=True)
    create(cluster, settings(namespace, data={"x": "y"}))
    assert stored(cluster, namespace)["data"] == {"x": "y", "order": "ab"}
    (seen,) = hooks.requests("validating")
    assert seen["object"]["data"]["order"] == "ab"
    assert [path for path, _ in hooks.asked] == ["a-first", "b-second", "validating"]


def test_who_changed_early_is_asked_once_more_if_it_wants_to_be(cluster, hooks, namespace, configured):
    def count(asked: dict[str, Any]) -> dict[str, Any]:
        size = str(len(asked["object"]["data"]))
        return patched({"op": "add", "path": "/metadata/annotations/size", "value": size})

    def grow(asked: dict[str, Any]) -> dict[str, Any]:
        return patched({"op": "add", "path": "/data/more", "value": "1"})

    configured.add("a-counting", count, mutating=True, reinvocationPolicy="IfNeeded")
    configured.add("b-once", lambda _: allowed(), mutating=True)
    configured.add("c-growing", grow, mutating=True, reinvocationPolicy="IfNeeded")
    create(cluster, settings(namespace, data={"x": "y"}, metadata={"annotations": {"a": "b"}}))
    assert [path for path, _ in hooks.asked] == ["a-counting", "b-once", "c-growing", "a-counting"]
    assert stored(cluster, namespace)["metadata"]["annotations"]["size"] == "2"


def test_nobody_is_asked_again_when_nothing_changes_after_its_turn(cluster, hooks, namespace, configured):
    change = patched({"op": "add", "path": "/data", "value": {"a": "b"}})
    configured.add("a-changing", lambda _: change, mutating=True, reinvocationPolicy="IfNeeded")
    configured.add("b-content", lambda _: allowed(), mutating=True, reinvocationPolicy="IfNeeded")
    create(cluster, settings(namespace))
    assert [path for path, _ in hooks.asked] == ["a-changing", "b-content"]


async def _sleep(_: dict[str, Any]) -> dict[str, Any]:
    await asyncio.sleep(3)
    return allowed()


BROKEN = {
    "slow": (_sleep, "context deadline exceeded"),
    "garbage": (lambda _: web.Response(text="<html>"), "couldn't get version/kind; json parse error: "),
    "failing": (
        lambda _: web.Response(status=500, text="out of order"),
        'an error on the server ("out of order") has prevented the request from succeeding',
    ),
    "missing": (lambda _: web.Response(status=404), "the server could not find the requested resource"),
    "other-uid": (
        lambda _: allowed(uid="x"),
        'received invalid webhook response: expected response.uid="',
    ),
    "no-object": (lambda _: web.Response(text="null"), "json parse error: the answer is no object"),
    "no-boolean": (
        lambda _: {"allowed": "yes"},
        "received invalid webhook response: response.allowed is no boolean",
    ),
    "no-response": (
        lambda _: web.json_response({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}),
        "received invalid webhook response: webhook response was absent",
    ),
    "validating-patch": (
        lambda _: patched(ANNOTATIONS),
        "received invalid webhook response: validating webhook may not return response.patch",
    ),
}


@pytest.mark.parametrize("path", BROKEN)
def test_a_webhook_that_does_not_answer_the_question(cluster, namespace, configured, path):
    behaviour, said = BROKEN[path]
    configured.add(path, behaviour, timeoutSeconds=1)
    done = create(cluster, settings(namespace))
    assert done.returncode == 1
    assert done.stderr.startswith(
        "Error from server (InternalError): error when creating"
        f' "STDIN": Internal error occurred: failed calling webhook "{path}.hooks.example": '
    )
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    configured.remove()
    configured.names.clear()
    configured.add(path, behaviour, timeoutSeconds=1, failurePolicy="Ignore")
    assert create(cluster, settings(namespace)).stdout == "configmap/settings created\n"


UNREACHABLE = {
    "nobody": (
        {"url": "https://127.0.0.78:9/hook"},
        'Post "https://127.0.0.78:9/hook?timeout=10s": dial tcp 127.0.0.78:9: connect: connection refused',
    ),
    "no-authority": (
        {"url": "https://127.0.0.78:9/", "caBundle": "Cg=="},
        "unable to load root certificates: unable to parse bytes as PEM block",
    ),
    "no-host": ({"url": "https://nowhere.invalid/"}, "dial tcp nowhere.invalid:443: lookup: no such host"),
    "no-service": (
        {"service": {"name": "nowhere", "namespace": "default", "path": "/x"}},
        'Post "https://nowhere.default.svc:443/x?timeout=10s": service "nowhere" not found',
    ),
    "no-port": (
        {"service": {"name": "kubernetes", "namespace": "default", "port": 444}},
        'no service port 444 found for service "kubernetes"',
    ),
}


@pytest.mark.parametrize("path", UNREACHABLE)
@pytest.mark.parametrize("policy", ["Fail", "Ignore"])
def test_a_webhook_that_cannot_be_reached(cluster, namespace, configured, path, policy):
    client, said = UNREACHABLE[path]
    configured.add(path, clientConfig=client, failurePolicy=policy)
    done = create(cluster, settings(namespace))
    if policy == "Ignore":
        assert done.stdout == "configmap/settings created\n"
    else:
        assert done.stderr.endswith(f"{said}\n")
        assert 'failed calling webhook "' + path in done.stderr


def test_a_certificate_of_another_authority_is_refused(cluster, hooks, namespace, configured):
    configured.add(
        "stranger", clientConfig={"url": hooks.url("stranger"), "caBundle": HookServer().ca_bundle}
    )
    said = create(cluster, settings(namespace)).stderr
    assert "tls: failed to verify certificate: x509: " in said
    assert hooks.asked == []


@pytest.mark.parametrize(
    ("operation", "said"),
    [
        ({"op": "replace", "path": "/data/none", "value": "x"}, "does not apply: "),
        ({"op": "add"}, "does not apply: Operation must have a 'path' member"),
        (5, "does not apply: Operation must be an object"),
        ({"op": "replace", "path": "", "value": []}, "leaves no object"),
    ],
)
def test_a_patch_that_does_not_apply(cluster, namespace, configured, operation, said):
    configured.add("misfit", lambda _: patched(operation), mutating=True, failurePolicy="Ignore")
    told = create(cluster, settings(namespace)).stderr
    assert f'Internal error occurred: the patch of admission webhook "misfit.hooks.example" {said}' in told
    assert told.count("\n") == 1


def test_a_patch_that_makes_another_kind_of_an_object(cluster, namespace, configured):
    wrong = patched({"op": "replace", "path": "/kind", "value": "Secret"})
    configured.add("turncoat", lambda _: wrong, mutating=True)
    assert "cannot be handled as a ConfigMap" in create(cluster, settings(namespace)).stderr


def test_what_a_webhook_makes_of_an_object_is_validated(cluster, namespace, configured):
    wrong = patched({"op": "add", "path": "/metadata/labels", "value": {"a b": "c"}})
    configured.add("wrong", lambda _: wrong, mutating=True)
    assert "metadata.labels: Invalid value" in create(cluster, settings(namespace)).stderr


def test_rehearsals_are_told_apart_and_store_nothing(cluster, hooks, namespace, configured):
    configured.add("rehearsal", lambda _: patched(ANNOTATIONS), mutating=True)
    shown = create(cluster, settings(namespace), "--dry-run=server", "-o", "json")
    assert "settings" in shown.stdout
    (asked,) = hooks.requests("rehearsal")
    assert asked["dryRun"] is True
    assert asked["options"]["dryRun"] == ["All"]
    assert "not found" in cluster.refused("-n", namespace, "get", "cm", "settings")


def test_deletions_connections_and_scales(cluster, hooks, namespace, configured):
    rule = {"apiGroups": ["*"], "apiVersions": ["*"]}
    configured.add("anything", lambda _: allowed(), rules=[
        {**rule, "operations": ["DELETE"], "resources": ["configmaps"]},
        {**rule, "operations": ["CONNECT"], "resources": ["pods/exec"]},
        {**rule, "operations": ["UPDATE"], "resources": ["deployments/scale"]},
    ])  # fmt: skip
    create(cluster, settings(namespace))
    cluster.kubectl("-n", namespace, "delete", "cm", "settings")
    cluster.kubectl("-n", namespace, "create", "deployment", "web", "--image=app:1")
    cluster.kubectl("-n", namespace, "rollout", "status", "deploy/web", "--timeout=5s")
    cluster.kubectl("-n", namespace, "scale", "deploy/web", "--replicas=2")
    cluster.kubectl("-n", namespace, "exec", "deploy/web", "--", "true")
    deletion, scale, connection = hooks.requests("anything")
    assert (deletion["operation"], deletion["object"]) == ("DELETE", None)
    assert deletion["oldObject"]["metadata"]["name"] == "settings"
    assert scale["kind"] == {"group": "autoscaling", "version": "v1", "kind": "Scale"}
    assert (scale["subResource"], scale["object"]["spec"]) == ("scale", {"replicas": 2})
    assert scale["resource"]["resource"] == "deployments"
    assert connection["object"] == {
        "kind": "PodExecOptions",
        "apiVersion": "v1",
        "container": "app",
        "command": ["true"],
        "stdout": True,
        "stderr": True,
    }


def test_a_deletion_is_refused(cluster, namespace, configured):
    create(cluster, settings(namespace))
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["DELETE"], "resources": ["configmaps"]}
    configured.add("keeper", lambda _: denied("it stays"), rules=[rule])
    said = cluster.refused("-n", namespace, "delete", "cm", "settings")
    assert 'admission webhook "keeper.hooks.example" denied the request: it stays' in said
    assert stored(cluster, namespace)


def test_the_pods_of_a_deployment_are_injected(cluster, hooks, namespace, configured):
    def inject(asked: dict[str, Any]) -> dict[str, Any]:
        return patched(
            {"op": "add", "path": "/spec/containers/-", "value": {"name": "proxy", "image": "proxy:1"}},
            {"op": "add", "path": "/metadata/labels/injected", "value": "yes"},
        )

    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    configured.add("inject", inject, mutating=True, rules=[rule], reinvocationPolicy="Never")
    cluster.kubectl("-n", namespace, "create", "deployment", "web", "--image=app:1", "--replicas=3")
    cluster.kubectl("-n", namespace, "rollout", "status", "deploy/web", "--timeout=5s")
    pods = json.loads(cluster.kubectl("-n", namespace, "get", "pods", "-l", "injected=yes", "-o", "json"))
    assert len(pods["items"]) == 3
    # What the webhook has added has its defaults.
    assert pods["items"][0]["spec"]["containers"][1]["imagePullPolicy"] == "IfNotPresent"
    (first, *_) = hooks.requests("inject")
    assert first["userInfo"]["username"] == "system:serviceaccount:kube-system:replicaset-controller"
    assert "name" not in first
    assert first["object"]["metadata"]["generateName"].startswith("web-")
    assert "name" not in first["object"]["metadata"]


def test_a_replica_set_tells_why_it_gets_no_pod(cluster, namespace, configured):
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    configured.add("refuse", lambda _: denied("no pods today"), rules=[rule])
    cluster.kubectl("-n", namespace, "create", "deployment", "web", "--image=app:1")
    said = cluster.kubectl(
        "-n", namespace, "wait", "deploy/web", "--for=condition=ReplicaFailure", "--timeout=5s"
    )
    assert "condition met" in said
    conditions = stored(cluster, namespace, "deploy/web")["status"]["conditions"]
    assert [each["message"] for each in conditions if each["type"] == "ReplicaFailure"] == [
        'admission webhook "refuse.hooks.example" denied the request: no pods today'
    ]


def test_whoever_waits_for_a_webhook_holds_up_nobody_else(cluster, namespace, configured):
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["*"]}
    configured.add("sleepy", _sleep, rules=[rule])
    waiting = threading.Thread(target=create, args=(cluster, settings(namespace)))
    cluster.kubectl("-n", namespace, "create", "deployment", "waits", "--image=app:1")
    waiting.start()
    start = time.monotonic()
    cluster.kubectl("create", "deployment", f"web-{namespace}", "--image=app:1")
    cluster.kubectl("rollout", "status", f"deploy/web-{namespace}", "--timeout=5s")
    assert time.monotonic() - start < 2
    waiting.join()
    assert stored(cluster, namespace)
    cluster.kubectl("delete", "deployment", f"web-{namespace}")
    cluster.kubectl("-n", namespace, "delete", "deployment", "waits")


def test_changes_made_while_a_webhook_is_asked_both_count(cluster, hooks, namespace, configured):
    create(cluster, settings(namespace, data={"a": "1"}))
    release = threading.Event()

    async def hold(asked: dict[str, Any]) -> dict[str, Any]:
        if "late" in asked["object"]["data"]:
            await asyncio.to_thread(release.wait, 5)
        return allowed()

    configured.add("holding", hold)

    def patch(data: str) -> None:
        cluster.kubectl("-n", namespace, "patch", "cm", "settings", "-p", f'{{"data": {data}}}')

    late = threading.Thread(target=patch, args=('{"late": "1"}',))
    late.start()
    while not hooks.requests("holding"):
        time.sleep(0.01)
    patch('{"early": "1"}')
    release.set()
    late.join()
    assert stored(cluster, namespace)["data"] == {"a": "1", "early": "1", "late": "1"}


def test_what_a_webhook_adds_belongs_to_no_manager(cluster, namespace, configured):
    def note(asked: dict[str, Any]) -> dict[str, Any]:
        return patched({"op": "add", "path": "/data/noted", "value": "1"})

    configured.add("noting", note, mutating=True)
    manifest = settings(namespace, data={"a": "1"})
    for expected in ("serverside-applied", "serverside-applied"):
        done = cluster.kubectl("apply", "--server-side", "-f", "-", stdin=manifest)
        assert done == f"configmap/settings {expected}\n"
    obj = stored(cluster, namespace)
    assert obj["data"] == {"a": "1", "noted": "1"}
    (manager,) = obj["metadata"]["managedFields"]
    assert (manager["manager"], manager["operation"]) == ("kubectl", "Apply")
    assert manager["fieldsV1"] == {"f:data": {"f:a": {}}}
    create(cluster, settings(namespace, "plain", data={"a": "1"}))
    for entry in stored(cluster, namespace, "cm/plain")["metadata"]["managedFields"]:
        assert "f:noted" not in entry["fieldsV1"]["f:data"]
    # Applying the same anew has changed nothing.
    again = stored(cluster, namespace)
    cluster.kubectl("apply", "--server-side", "-f", "-", stdin=manifest)
    assert stored(cluster, namespace)["metadata"]["resourceVersion"] == again["metadata"]["resourceVersion"]


def test_a_webhook_behind_a_service(cluster, hooks, namespace, configured):
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "hook", "namespace": "default"},
        "spec": {"ports": [{"name": "https", "port": 443}]},
    }
    endpoints = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": "hook",
            "namespace": "default",
            "labels": {"kubernetes.io/service-name": "hook"},
        },
        "addressType": "IPv4",
        "endpoints": [
            {"addresses": ["127.0.0.78"], "conditions": {"ready": False}},
            {"addresses": ["127.0.0.77"], "conditions": {"ready": True}},
        ],
        "ports": [{"name": "https", "port": hooks.port, "protocol": "TCP"}],
    }
    for manifest in (service, endpoints):
        create(cluster, json.dumps(manifest))
    reference = {"service": {"name": "hook", "namespace": "default", "path": "/behind"}}
    configured.add("behind", lambda _: allowed(), clientConfig={**reference, "caBundle": hooks.ca_bundle})
    assert create(cluster, settings(namespace)).returncode == 0
    assert len(hooks.requests("behind")) == 1
    cluster.kubectl("delete", "service,endpointslice", "hook")


def test_webhooks_are_not_asked_about_webhooks(cluster, hooks, namespace, configured):
    rule = {"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*"]}
    configured.add("total", lambda _: denied("nothing"), rules=[rule], namespaceSelector={})
    assert "denied the request: nothing" in create(cluster, settings(namespace)).stderr
    # ... so that it can be taken away again.
    configured.remove()
    configured.names.clear()
    assert create(cluster, settings(namespace)).returncode == 0


CONDITIONS = {
    "all true": (["object.data.a == 'b'", "request.operation == 'CREATE'"], True),
    "one false": (["object.data.a == 'b'", "request.userInfo.username == 'bob'"], False),
    "a false one outdoes a failing one": (["object.data.none == 'x'", "object.data.a == 'c'"], False),
    "about the old": (["oldObject == null"], True),
}


@pytest.mark.parametrize("name", CONDITIONS)
def test_conditions(cluster, hooks, namespace, configured, name):
    expressions, concerned = CONDITIONS[name]
    conditions = [{"name": f"c{index}", "expression": text} for index, text in enumerate(expressions)]
    configured.add("conditioned", lambda _: allowed(), matchConditions=conditions)
    assert create(cluster, settings(namespace, data={"a": "b"})).returncode == 0
    assert bool(hooks.requests("conditioned")) == concerned


@pytest.mark.parametrize("policy", ["Fail", "Ignore"])
def test_a_condition_that_has_no_value(cluster, hooks, namespace, configured, policy):
    conditions = [{"name": "unclear", "expression": "object.data.none == 'x'"}]
    configured.add("unclear", lambda _: allowed(), matchConditions=conditions, failurePolicy=policy)
    done = create(cluster, settings(namespace, data={"a": "b"}))
    assert hooks.asked == []
    if policy == "Ignore":
        assert done.returncode == 0
    else:
        assert (
            'match condition "unclear" of webhook "unclear.hooks.example": no such key: none' in done.stderr
        )
