"""Patches, selectors, paths and the words of `kubectl get`: pure functions."""

from __future__ import annotations

import pytest

from lab.kube.errors import ApiError
from lab.kube.kinds.builtin.pod import pod_restarts, pod_status
from lab.kube.kinds.jsonpath import find
from lab.kube.kinds.printers import duration
from lab.kube.kinds.schema import builtin
from lab.kube.kinds.scheme import Scheme
from lab.kube.kinds.selectors import field_predicate, label_predicate
from lab.kube.writing.patching import json_patch, merge_patch, strategic_merge_patch

PODSPEC = builtin("io.k8s.api.core.v1.PodSpec")
DEPLOYMENT_SPEC = builtin("io.k8s.api.apps.v1.DeploymentSpec")


def strategic(target, patch, schema=PODSPEC):
    return strategic_merge_patch(target, patch, schema)


def test_a_merge_patch_removes_with_null_and_replaces_lists():
    target = {"a": {"b": 1, "c": 2}, "l": [1, 2]}
    assert merge_patch(target, {"a": {"b": None, "d": 3}, "l": [3]}) == {"a": {"c": 2, "d": 3}, "l": [3]}
    assert target == {"a": {"b": 1, "c": 2}, "l": [1, 2]}


def test_a_strategic_patch_merges_lists_by_their_key():
    target = {"containers": [{"name": "a", "image": "1", "tty": True}, {"name": "b"}]}
    patched = strategic(target, {"containers": [{"name": "a", "image": "2"}, {"name": "c"}]})
    assert patched == {"containers": [{"name": "a", "image": "2", "tty": True}, {"name": "b"}, {"name": "c"}]}


def test_a_strategic_patch_deletes_and_replaces_by_directive():
    target = {"containers": [{"name": "a"}, {"name": "b"}], "nodeSelector": {"x": "y"}}
    patched = strategic(target, {"containers": [{"$patch": "delete", "name": "a"}]})
    assert patched["containers"] == [{"name": "b"}]
    patched = strategic(target, {"containers": [{"name": "z"}, {"$patch": "replace"}]})
    assert patched["containers"] == [{"name": "z"}]
    assert "nodeSelector" not in strategic(target, {"nodeSelector": {"$patch": "delete"}})
    replaced = strategic(target, {"nodeSelector": {"$patch": "replace", "q": "r"}})
    assert replaced["nodeSelector"] == {"q": "r"}


def test_a_strategic_patch_retains_keys_and_orders_and_deletes_primitives():
    strategy = {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}
    patch = {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}
    assert strategic(strategy, patch, DEPLOYMENT_SPEC) == {"strategy": {"type": "Recreate"}}
    target = {"containers": [{"name": "a"}, {"name": "b"}]}
    patch = {
        "$setElementOrder/containers": [{"name": "c"}, {"name": "b"}, {"name": "a"}],
        "containers": [{"name": "c"}],
    }
    assert [c["name"] for c in strategic(target, patch)["containers"]] == ["c", "b", "a"]
    meta = builtin("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta")
    patched = strategic(
        {"finalizers": ["a/b", "c/d"]}, {"$deleteFromPrimitiveList/finalizers": ["a/b"]}, meta
    )
    assert patched == {"finalizers": ["c/d"]}


def test_a_list_item_without_its_key_is_a_400():
    with pytest.raises(ApiError, match="does not contain declared merge key: name") as caught:
        strategic({"containers": []}, {"containers": [{"image": "x"}]})
    assert caught.value.code == 400


def test_a_failed_json_patch_is_a_422_and_no_patch_is_a_400():
    assert json_patch({"a": 1}, [{"op": "replace", "path": "/a", "value": 2}]) == {"a": 2}
    for operation in ({"op": "test", "path": "/a", "value": 9}, {"op": "remove", "path": "/b"}, {"op": "no"}):
        with pytest.raises(ApiError, match="due to an error in our request") as caught:
            json_patch({"a": 1}, [operation])
        assert caught.value.code == 422
    with pytest.raises(ApiError) as caught:
        json_patch({"a": 1}, {"op": "remove"})
    assert caught.value.code == 400


def test_copies_of_copies_are_stopped():
    doubling = [{"op": "copy", "from": "/a", "path": f"/a/x{n}"} for n in range(60)]
    with pytest.raises(ApiError) as caught:
        json_patch({"a": {"text": "x" * 1000}}, doubling)
    assert caught.value.code == 413


@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        ("app=web", True),
        ("app==web,tier!=back", True),
        ("app in (web, api)", True),
        ("app notin (web)", False),
        ("tier notin (back)", True),
        ("app", True),
        ("!app", False),
        ("!tier", True),
        ("app!=web", False),
        ("app=", False),
    ],
)
def test_label_selectors(selector, matches):
    assert label_predicate(selector)({"app": "web"}) is matches


@pytest.mark.parametrize("selector", ["a b", "=x", "app in web", "a=b=c", "app in (a", "a,,b", "-x"])
def test_what_is_no_label_selector_is_a_400(selector):
    with pytest.raises(ApiError) as caught:
        label_predicate(selector)
    assert caught.value.code == 400


def test_field_selectors_take_the_fields_of_their_kind():
    pods = Scheme().get("", "v1", "pods")
    assert pods is not None
    pod = {"metadata": {"name": "a"}, "status": {"phase": "Running"}, "spec": {}}
    assert field_predicate("metadata.name=a,status.phase!=Failed", pods)(pod)
    assert not field_predicate("spec.nodeName=node-0", pods)(pod)
    assert field_predicate("spec.nodeName=", pods)(pod)
    with pytest.raises(ApiError, match=r"field label not supported: spec\.x"):
        field_predicate("spec.x=1", pods)


def test_paths_of_printer_columns():
    obj = {
        "status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "B"}]},
        "a.b": {"c": [1, 2]},
    }
    assert find(obj, '.status.conditions[?(@.type=="Ready")].status') == ["True"]
    assert find(obj, "{.status.conditions[*].type}") == ["Ready", "B"]
    assert find(obj, r".a\.b.c[1]") == [2]
    assert find(obj, ".nothing.here[0]") == []
    with pytest.raises(ValueError, match="unsupported JSONPath"):
        find(obj, ".a[?(@.x>1)]")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "<invalid>"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (199, "3m19s"),
        (601, "10m"),
        (3 * 3600 + 61, "3h1m"),
        (47 * 3600, "47h"),
        (49 * 3600, "2d1h"),
        (9 * 86400, "9d"),
        (800 * 86400, "2y70d"),
    ],
)
def test_ages_as_kubectl_words_them(seconds, text):
    assert duration(seconds) == text


def pod_of(status, *, deleted=False, init=0, **spec):
    metadata = {"name": "p"} | ({"deletionTimestamp": "2026-01-01T00:00:00Z"} if deleted else {})
    spec = {"containers": [{"name": "c"}], "initContainers": [{"name": f"i{n}"} for n in range(init)]} | spec
    return {"metadata": metadata, "spec": spec, "status": status}


def state(**state_of):
    return {"name": "c", "ready": False, "restartCount": 0, "state": state_of}


@pytest.mark.parametrize(
    ("pod", "text"),
    [
        (pod_of({"phase": "Pending"}), "Pending"),
        (pod_of({"phase": "Running"}, deleted=True), "Terminating"),
        (pod_of({"phase": "Pending", "containerStatuses": [state(waiting={"reason": "ErrImagePull"})]}),
         "ErrImagePull"),
        (pod_of({"phase": "Running", "containerStatuses": [state(waiting={"reason": "CrashLoopBackOff"})]}),
         "CrashLoopBackOff"),
        (pod_of({"phase": "Succeeded", "containerStatuses": [state(terminated={"reason": "Completed"})]}),
         "Completed"),
        (pod_of({"phase": "Failed", "containerStatuses": [state(terminated={"exitCode": 3})]}),
         "ExitCode:3"),
        (pod_of({"phase": "Pending", "initContainerStatuses": [
            {"name": "i0", "state": {"terminated": {"exitCode": 0}}},
            {"name": "i1", "state": {"running": {}}}]}, init=2), "Init:1/2"),
        (pod_of({"phase": "Pending", "initContainerStatuses": [
            {"name": "i0", "state": {"waiting": {"reason": "ErrImagePull"}}}]}, init=1),
         "Init:ErrImagePull"),
        (pod_of({"phase": "Pending", "initContainerStatuses": [
            {"name": "i0", "state": {"terminated": {"exitCode": 1, "reason": "Error"}}}]}, init=1),
         "Init:Error"),
        (pod_of({"phase": "Running", "containerStatuses": [
            {"name": "c", "ready": True, "state": {"running": {}}}]}), "Running"),
    ],
)  # fmt: skip
def test_the_status_column_of_pods(pod, text):
    assert pod_status(pod) == text


def test_the_restarts_column_of_pods():
    once = {
        "name": "c",
        "restartCount": 2,
        "lastState": {"terminated": {"finishedAt": "2020-01-01T00:00:00Z"}},
    }
    assert pod_restarts(pod_of({"containerStatuses": [state(running={})]})) == "0"
    assert pod_restarts(pod_of({"containerStatuses": [once]})).startswith("2 (")
