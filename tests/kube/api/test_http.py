"""The API over HTTP, as the official Python client and plain requests see it."""

from __future__ import annotations

import base64
import json
import threading
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import urllib3
from kubernetes import client, dynamic, watch
from kubernetes.client.exceptions import ApiException

from lab.kube.group_resources import CUSTOM_RESOURCE_DEFINITIONS, PODS
from tests.kube.mesh_crd import CEL_RULES, peer_authentication, peer_authentications
from tests.kube.served import Served, serving

PEERS = "/apis/security.istio.io/v1/namespaces/{}/peerauthentications"
CONTAINER = {"name": "c", "image": "x"}
APPLY = "application/apply-patch+yaml"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("cluster")) as served:
        served.objects.scheme.cel_rules.update(CEL_RULES)
        crds = CUSTOM_RESOURCE_DEFINITIONS
        served.within(lambda: served.objects.create(crds, peer_authentications(), manager="test"))
        yield served


@pytest.fixture(scope="module")
def api(cluster: Served) -> Iterator[client.ApiClient]:
    with cluster.api() as api_client:
        yield api_client


@pytest.fixture(scope="module")
def core(api: client.ApiClient) -> client.CoreV1Api:
    return client.CoreV1Api(api)


@pytest.fixture
def namespace(core: client.CoreV1Api) -> str:
    """A new namespace; nothing is shared between tests."""
    name = f"ns-{uuid.uuid4().hex[:8]}"
    core.create_namespace({"metadata": {"name": name}})
    return name


class Http:
    """Plain requests with the administrator's token."""

    def __init__(self, api: client.ApiClient, token: str) -> None:
        self._base = api.configuration.host
        self._pool = urllib3.PoolManager(ca_certs=api.configuration.ssl_ca_cert)
        self._token = token

    def __call__(self, method: str, path: str, body: object = None, **headers: str):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named.setdefault("Content-Type", "application/json")
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        return self._pool.request(
            method,
            self._base + path,
            body=data,
            headers={"Authorization": f"Bearer {self._token}", **named},
            timeout=10,
            retries=False,
        )


@pytest.fixture(scope="module")
def http(cluster: Served, api: client.ApiClient) -> Http:
    return Http(api, cluster.credentials.admin_token)


def config_map(name: str, labels: dict[str, str] | None = None, **data: str) -> dict[str, object]:
    metadata = {"name": name, "labels": labels or {}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def test_typed_objects_round_trip(core, namespace):
    core.create_namespaced_config_map(namespace, config_map("a", x="1"))
    found = core.read_namespaced_config_map("a", namespace)
    assert found.data == {"x": "1"}
    found.data = {"x": "2"}
    replaced = core.replace_namespaced_config_map("a", namespace, found)
    assert int(replaced.metadata.resource_version) > int(found.metadata.resource_version)
    with pytest.raises(ApiException) as caught:
        core.replace_namespaced_config_map("a", namespace, found)
    assert (caught.value.status, json.loads(caught.value.body)["reason"]) == (409, "Conflict")
    assert core.delete_namespaced_config_map("a", namespace)["status"] == "Success"
    with pytest.raises(ApiException) as caught:
        core.read_namespaced_config_map("a", namespace)
    assert json.loads(caught.value.body) == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": 'configmaps "a" not found',
        "reason": "NotFound",
        "details": {"name": "a", "kind": "configmaps"},
        "code": 404,
    }


def test_the_dynamic_client_discovers_and_applies_custom_resources(cluster, api, namespace):
    dynamic_client = dynamic.DynamicClient(api, cache_file=str(cluster.directory / f"{namespace}.json"))
    peers = dynamic_client.resources.get(api_version="security.istio.io/v1", kind="PeerAuthentication")
    config = peer_authentication({"mtls": {"mode": "STRICT"}}, namespace=namespace)
    applied = peers.server_side_apply(body=config, namespace=namespace, field_manager="suite")
    assert applied.metadata.generation == 1
    again = peers.server_side_apply(body=config, namespace=namespace, field_manager="suite")
    assert again.metadata.resourceVersion == applied.metadata.resourceVersion
    assert peers.get(name="default", namespace=namespace).spec.mtls.mode == "STRICT"
    older = dynamic_client.resources.get(api_version="security.istio.io/v1beta1", kind="PeerAuthentication")
    assert older.get(name="default", namespace=namespace).apiVersion == "security.istio.io/v1beta1"


def test_selectors_choose_among_a_list(core, namespace):
    for name, tier in (("a", "front"), ("b", "back"), ("c", "back")):
        core.create_namespaced_config_map(namespace, config_map(name, {"tier": tier}))
    backs = core.list_namespaced_config_map(namespace, label_selector="tier=back").items
    assert [item.metadata.name for item in backs] == ["b", "c"]
    one = core.list_namespaced_config_map(namespace, field_selector="metadata.name=b").items
    assert [item.metadata.name for item in one] == ["b"]
    with pytest.raises(ApiException) as caught:
        core.list_namespaced_config_map(namespace, field_selector="data.x=1")
    assert caught.value.status == 400


def test_a_long_list_comes_in_chunks(core, namespace):
    for name in "abcde":
        core.create_namespaced_service_account(namespace, {"metadata": {"name": name}})
    first = core.list_namespaced_service_account(namespace, limit=2)
    token = first.metadata._continue
    rest = core.list_namespaced_service_account(namespace, _continue=token)
    names = [item.metadata.name for item in first.items + rest.items]
    assert len(first.items) == 2
    assert names == sorted({*"abcde", *names})
    with pytest.raises(ApiException) as caught:
        core.list_namespaced_service_account(namespace, _continue="nonsense")
    assert caught.value.status == 400


def test_a_collection_is_deleted_by_selector(core, namespace):
    for name, tier in (("a", "front"), ("b", "back")):
        core.create_namespaced_config_map(namespace, config_map(name, {"tier": tier}))
    core.delete_collection_namespaced_config_map(namespace, label_selector="tier=back")
    names = {item.metadata.name for item in core.list_namespaced_config_map(namespace).items}
    assert "a" in names
    assert "b" not in names


def test_preconditions_protect_a_deletion(core, namespace):
    made = core.create_namespaced_config_map(namespace, config_map("a"))
    wrong = client.V1DeleteOptions(preconditions=client.V1Preconditions(uid="other"))
    with pytest.raises(ApiException) as caught:
        core.delete_namespaced_config_map("a", namespace, body=wrong)
    assert caught.value.status == 409
    assert "Precondition failed: UID in precondition: other" in json.loads(caught.value.body)["message"]
    right = client.V1DeleteOptions(preconditions=client.V1Preconditions(uid=made.metadata.uid))
    assert core.delete_namespaced_config_map("a", namespace, body=right)["status"] == "Success"


def test_a_rehearsal_answers_but_stores_nothing(core, namespace):
    core.create_namespaced_config_map(namespace, config_map("a", x="1"))
    tried = core.patch_namespaced_config_map("a", namespace, {"data": {"x": "2"}}, dry_run="All")
    assert tried.data == {"x": "2"}
    core.delete_namespaced_config_map("a", namespace, dry_run="All")
    assert core.read_namespaced_config_map("a", namespace).data == {"x": "1"}


def test_a_scale_changes_the_replicas_alone(api, namespace):
    apps = client.AppsV1Api(api)
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "x"}]}}
    spec = {"replicas": 0, "selector": {"matchLabels": {"a": "b"}}, "template": template}
    apps.create_namespaced_deployment(namespace, {"metadata": {"name": "web"}, "spec": spec})
    scaled = apps.patch_namespaced_deployment_scale("web", namespace, {"spec": {"replicas": 2}})
    assert scaled.spec.replicas == 2
    assert scaled.status.selector == "a=b"
    assert apps.read_namespaced_deployment("web", namespace).spec.replicas == 2
    with pytest.raises(ApiException) as caught:
        apps.patch_namespaced_deployment_scale("web", namespace, {"spec": {"replicas": -1}})
    assert caught.value.status == 422


def events_of(core: client.CoreV1Api, namespace: str, **options: object) -> list[tuple[str, str]]:
    stream = watch.Watch().stream(core.list_namespaced_config_map, namespace, timeout_seconds=1, **options)
    return [(event["type"], event["object"].metadata.name) for event in stream]


def test_a_watch_resumes_after_a_revision_and_shows_selector_transitions(core, namespace):
    start = core.create_namespaced_config_map(namespace, config_map("before", {"w": "1"}))
    core.create_namespaced_config_map(namespace, config_map("a", {"w": "1"}))
    core.create_namespaced_config_map(namespace, config_map("other"))
    core.patch_namespaced_config_map("other", namespace, {"metadata": {"labels": {"w": "1"}}})
    core.patch_namespaced_config_map("a", namespace, {"data": {"x": "1"}})
    core.patch_namespaced_config_map("a", namespace, {"metadata": {"labels": {"w": None}}})
    core.delete_namespaced_config_map("other", namespace)
    revision = start.metadata.resource_version
    assert events_of(core, namespace, resource_version=revision, label_selector="w=1") == [
        ("ADDED", "a"),
        ("ADDED", "other"),
        ("MODIFIED", "a"),
        ("DELETED", "a"),
        ("DELETED", "other"),
    ]


def test_a_watch_sees_what_happens_while_it_is_open(core, namespace):
    seen: list[str] = []
    opened = threading.Event()

    def follow() -> None:
        stream = watch.Watch()
        for event in stream.stream(core.list_namespaced_secret, namespace, timeout_seconds=5):
            seen.append(event["object"].metadata.name)
            opened.set()
            if seen[-1] == "last":
                stream.stop()

    core.create_namespaced_secret(namespace, {"metadata": {"name": "first"}})
    thread = threading.Thread(target=follow)
    thread.start()
    assert opened.wait(5)
    core.create_namespaced_secret(namespace, {"metadata": {"name": "last"}})
    thread.join(5)
    assert seen == ["first", "last"]


def test_a_forgotten_revision_is_a_410(core, cluster, namespace, http):
    revision = core.create_namespaced_config_map(namespace, config_map("a")).metadata.resource_version
    core.create_namespaced_pod(namespace, {"metadata": {"name": "p"}, "spec": {"containers": [CONTAINER]}})
    pods = PODS

    def much_happens() -> None:
        for count in range(5_001):
            status = {"phase": "Pending", "message": str(count)}
            cluster.objects.set_status(pods, namespace, "p", status, manager="test")

    cluster.within(much_happens)
    path = f"/api/v1/namespaces/{namespace}/configmaps?watch=1&resourceVersion={revision}"
    (event,) = lines(http, path)
    assert (event["type"], event["object"]["code"]) == ("ERROR", 410)
    assert "too old resource version" in event["object"]["message"]


def test_a_revision_of_the_future_is_a_504(core, cluster, namespace):
    with pytest.raises(ApiException) as caught:
        core.list_namespaced_config_map(namespace, resource_version="99999999")
    assert caught.value.status == 504
    assert "Too large resource version" in json.loads(caught.value.body)["message"]


def lines(http: Http, path: str, **headers: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in http("GET", path, **headers).data.splitlines()]


def test_initial_events_end_with_a_bookmark(http, core, namespace):
    core.create_namespaced_secret(namespace, {"metadata": {"name": "a"}})
    query = "watch=1&timeoutSeconds=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
    found = lines(http, f"/api/v1/namespaces/{namespace}/secrets?{query}&allowWatchBookmarks=true")
    assert [event["type"] for event in found][:2] == ["ADDED", "BOOKMARK"]
    assert found[1]["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


def test_tables_carry_columns_and_metadata(http, core, namespace):
    core.create_namespaced_secret(namespace, {"metadata": {"name": "a"}})
    accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
    path = f"/api/v1/namespaces/{namespace}/secrets"
    table = http("GET", path, Accept=accept).json()
    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Type", "Data", "Age"]
    assert table["rows"][0]["cells"][:3] == ["a", "Opaque", 0]
    assert table["rows"][0]["object"]["kind"] == "PartialObjectMetadata"
    whole = http("GET", f"{path}?includeObject=Object", Accept=accept).json()
    assert whole["rows"][0]["object"]["kind"] == "Secret"
    assert "object" not in http("GET", f"{path}?includeObject=None", Accept=accept).json()["rows"][0]
    assert http("GET", f"{path}?includeObject=All", Accept=accept).status == 400
    partial = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
    assert http("GET", path, Accept=partial).json()["kind"] == "PartialObjectMetadataList"


def test_unknown_fields_are_refused_warned_about_or_dropped(http, namespace):
    body = peer_authentication({"mtlss": {}}, namespace=namespace)
    path = PEERS.format(namespace)
    strict = http("POST", f"{path}?fieldValidation=Strict", body)
    assert (strict.status, strict.json()["message"]) == (
        400,
        'PeerAuthentication in version "v1" cannot be handled as a PeerAuthentication:'
        ' strict decoding error: unknown field "spec.mtlss"',
    )
    warned = http("POST", path, body)
    assert warned.status == 201
    assert warned.headers["Warning"] == '299 - "unknown field \\"spec.mtlss\\""'
    silent = http("PUT", f"{path}/default?fieldValidation=Ignore", body)
    assert silent.status == 200
    assert "Warning" not in silent.headers


def test_a_hostile_field_name_stays_inside_its_warning_header(http, namespace):
    body = peer_authentication({"a\r\nSet-Cookie: x": 1, "ü\x00": 2}, namespace=namespace)
    answer = http("POST", PEERS.format(namespace), body)
    assert answer.status == 201
    assert "Set-Cookie" not in answer.headers


def test_apply_creates_with_201_and_needs_a_manager(http, namespace):
    path = f"{PEERS.format(namespace)}/default"
    body = peer_authentication({"mtls": {"mode": "STRICT"}}, namespace=namespace)
    assert http("PATCH", path, body, Content_Type=APPLY).status == 422
    assert http("PATCH", f"{path}?fieldManager=a", body, Content_Type=APPLY).status == 201
    yaml = b"apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nspec: {mtls: {mode: DISABLE}}\n"
    conflict = http("PATCH", f"{path}?fieldManager=b", yaml, Content_Type=APPLY)
    assert conflict.json()["message"] == 'Apply failed with 1 conflict: conflict with "a": .spec.mtls.mode'
    forced = http("PATCH", f"{path}?fieldManager=b&force=true", yaml, Content_Type=APPLY)
    assert forced.json()["spec"]["mtls"] == {"mode": "DISABLE"}


def test_each_patch_has_its_media_type(http, namespace):
    path = f"{PEERS.format(namespace)}/default"
    http("POST", PEERS.format(namespace), peer_authentication({"weight": 1}, namespace=namespace))
    operations = [{"op": "replace", "path": "/spec/weight", "value": 2}]
    patched = http("PATCH", path, operations, Content_Type="application/json-patch+json").json()
    assert patched["spec"]["weight"] == 2
    merge = {"spec": {"weight": None}}
    patched = http("PATCH", path, merge, Content_Type="application/merge-patch+json").json()
    assert "weight" not in patched["spec"]
    strategic = http("PATCH", path, {}, Content_Type="application/strategic-merge-patch+json")
    assert strategic.status == 415
    assert "application/merge-patch+json" in strategic.json()["message"]
    for patch in (b"5", b"[]", b'{"metadata": 5}', b'{"metadata": {"labels": []}}', b'{"kind": 5}'):
        assert http("PATCH", path, patch, Content_Type="application/merge-patch+json").status == 400


def test_status_is_written_through_its_subresource(http, namespace):
    path = f"{PEERS.format(namespace)}/default"
    http("POST", PEERS.format(namespace), peer_authentication({"weight": 1}, namespace=namespace))
    body = peer_authentication({"weight": 7}, namespace=namespace) | {"status": {"seen": True}}
    answer = http("PUT", f"{path}/status", body).json()
    assert (answer["spec"]["weight"], answer["status"]) == (1, {"seen": True})
    assert answer["metadata"]["generation"] == 1


def test_discovery_is_plain_or_aggregated(http):
    groups = http("GET", "/apis").json()
    istio = next(group for group in groups["groups"] if group["name"] == "security.istio.io")
    assert istio["preferredVersion"]["version"] == "v1"
    assert [version["version"] for version in istio["versions"]] == ["v1", "v1beta1"]
    names = {resource["name"] for resource in http("GET", "/api/v1").json()["resources"]}
    assert {"pods", "pods/exec", "pods/log", "pods/status", "namespaces/finalize"} <= names
    accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    answer = http("GET", "/apis", Accept=accept)
    assert answer.headers["Content-Type"] == accept
    assert answer.json()["kind"] == "APIGroupDiscoveryList"


def test_openapi_is_addressed_by_its_content(http):
    index = http("GET", "/openapi/v3").json()["paths"]
    assert index == http("GET", "/openapi/v3").json()["paths"]
    answer = http("GET", index["apis/security.istio.io/v1"]["serverRelativeURL"])
    assert answer.headers["Cache-Control"] == "public, immutable"
    schema = answer.json()["components"]["schemas"]["io.istio.security.v1.PeerAuthentication"]
    assert schema["properties"]["spec"]["description"] == "Who may talk to whom, and how."
    assert http("GET", "/openapi/v3/apis/nowhere/v1").status == 404


def test_new_kinds_are_discovered_at_once(http):
    before = http("GET", "/openapi/v3").json()["paths"].keys()
    definition = peer_authentications({"type": "object"})
    definition["metadata"]["name"] = "things.example.com"
    definition["spec"] |= {"group": "example.com", "names": {"kind": "Thing", "plural": "things"}}
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    made = http("POST", path, definition).json()
    assert [c["type"] for c in made["status"]["conditions"]] == ["NamesAccepted", "Established"]
    assert made["spec"]["names"]["listKind"] == "ThingList"
    assert http("GET", "/apis/example.com/v1/things").json()["kind"] == "ThingList"
    assert http("GET", "/openapi/v3").json()["paths"].keys() - before == {
        "apis/example.com/v1",
        "apis/example.com/v1beta1",
    }
    assert http("DELETE", f"{path}/things.example.com").status == 200
    assert http("GET", "/apis/example.com/v1/things").status == 404


def test_who_asks_without_a_token_or_with_a_wrong_one(api):
    pool = urllib3.PoolManager(ca_certs=api.configuration.ssl_ca_cert)
    base = api.configuration.host
    anonymous = pool.request("GET", f"{base}/api/v1/pods")
    assert anonymous.status == 403
    assert 'User "system:anonymous" cannot list resource "pods"' in anonymous.json()["message"]
    token = base64.b64encode(b"wrong").decode()
    stranger = pool.request("GET", f"{base}/api/v1/pods", headers={"Authorization": f"Bearer {token}"})
    assert (stranger.status, stranger.json()["reason"]) == (401, "Unauthorized")
    assert pool.request("GET", f"{base}/version").json()["minor"] == "32"
    assert pool.request("GET", f"{base}/readyz").data == b"ok"
