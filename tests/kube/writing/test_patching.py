"""Patches: pure functions."""

from __future__ import annotations

from typing import Any

import pytest

from lab.kube.errors import ApiError
from lab.kube.kinds.schema import builtin
from lab.kube.writing.patching import json_patch, merge_patch, strategic_merge_patch

PODSPEC = builtin("io.k8s.api.core.v1.PodSpec")
DEPLOYMENT_SPEC = builtin("io.k8s.api.apps.v1.DeploymentSpec")


def strategic(target, patch, schema=PODSPEC):
    return strategic_merge_patch(target, patch, schema)


def test_a_merge_patch_removes_with_null_and_replaces_lists():
    target: Any = {"a": {"b": 1, "c": 2}, "l": [1, 2]}
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
    patch: Any = {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}
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
    operations: Any = ({"op": "test", "path": "/a", "value": 9}, {"op": "remove", "path": "/b"}, {"op": "no"})
    for operation in operations:
        with pytest.raises(ApiError, match="due to an error in our request") as caught:
            json_patch({"a": 1}, [operation])
        assert caught.value.code == 422
    with pytest.raises(ApiError) as caught:
        json_patch({"a": 1}, {"op": "remove"})
    assert caught.value.code == 400


def test_copies_of_copies_are_stopped():
    doubling: Any = [{"op": "copy", "from": "/a", "path": f"/a/x{n}"} for n in range(60)]
    with pytest.raises(ApiError) as caught:
        json_patch({"a": {"text": "x" * 1000}}, doubling)
    assert caught.value.code == 413


def test_what_is_no_list_has_no_primitives_to_delete():
    with pytest.raises(ApiError, match="invalid patch: replicas is no list") as caught:
        strategic({"replicas": 1}, {"$deleteFromPrimitiveList/replicas": [1]})
    assert caught.value.code == 400
