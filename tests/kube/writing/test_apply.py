"""Server-side apply: who owns what, who is in the way, and what goes when nobody wants it any more."""

from __future__ import annotations

from typing import Any

import pytest

from lab.kube.errors import ApiError
from lab.kube.group_resources import CONFIG_MAPS, DEPLOYMENTS, NAMESPACES
from lab.kube.kinds.scheme import Scheme
from lab.kube.objects import GroupResource, clone
from lab.kube.store import Store
from lab.kube.writing.pipeline import at_once
from lab.kube.writing.request_validation import WriteOptions
from lab.kube.writing.writes import Writes


@pytest.fixture
def writes() -> Writes:
    writes = Writes(Store(), Scheme())
    writes.create(NAMESPACES, {"metadata": {"name": "foo"}}, manager="test")
    return writes


def apply(
    writes: Writes, key: GroupResource, config: dict[str, Any], manager: str, *, force: bool = False
) -> dict[str, Any]:
    resource = writes.scheme.storage(key)
    options = WriteOptions(manager)
    obj, _ = at_once(
        writes.pipeline.apply(
            resource, "foo", config["metadata"]["name"], clone(config), options, force=force
        )
    )
    return obj


def config_map(data: dict[str, str], **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", **metadata}, "data": data}


def deployment(image: str = "web:1", **container: Any) -> dict[str, Any]:
    template = {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "web", "image": image, **container}]},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": template},
    }


def managers(obj: dict[str, Any]) -> set[tuple[str, str]]:
    return {(entry["manager"], entry["operation"]) for entry in obj["metadata"]["managedFields"]}


def test_two_managers_share_an_object_field_by_field(writes):
    apply(writes, CONFIG_MAPS, config_map({"a": "1"}), "one")
    both = apply(writes, CONFIG_MAPS, config_map({"b": "2"}), "two")
    assert both["data"] == {"a": "1", "b": "2"}
    assert managers(both) == {("one", "Apply"), ("two", "Apply")}
    assert apply(writes, CONFIG_MAPS, config_map({}), "one")["data"] == {"b": "2"}


def test_a_conflict_names_manager_and_field_and_changes_nothing(writes):
    apply(writes, CONFIG_MAPS, config_map({"a": "1"}), "one")
    with pytest.raises(ApiError) as caught:
        apply(writes, CONFIG_MAPS, config_map({"a": "2"}), "two")
    assert caught.value.message == 'Apply failed with 1 conflict: conflict with "one": .data.a'
    assert caught.value.details == {
        "causes": [{"reason": "FieldManagerConflict", "message": 'conflict with "one"', "field": ".data.a"}]
    }
    stored = writes.store.get(CONFIG_MAPS, "foo", "c")
    assert stored is not None
    assert stored["data"] == {"a": "1"}


def test_several_conflicts_are_listed_by_manager(writes):
    obj = config_map({"a": "1", "b": "1"}) | {"metadata": {"name": "c", "namespace": "foo"}}
    writes.create(CONFIG_MAPS, obj, manager="kubectl-create")
    with pytest.raises(ApiError) as caught:
        apply(writes, CONFIG_MAPS, config_map({"a": "2", "b": "2"}), "two")
    assert caught.value.message == (
        'Apply failed with 2 conflicts: conflicts with "kubectl-create" using v1:\n- .data.a\n- .data.b'
    )


def test_force_takes_the_field_over(writes):
    apply(writes, CONFIG_MAPS, config_map({"a": "1", "z": "1"}), "one")
    taken = apply(writes, CONFIG_MAPS, config_map({"a": "2"}), "two", force=True)
    assert taken["data"] == {"a": "2", "z": "1"}
    # "one" no longer owns it, so it may go without it.
    assert apply(writes, CONFIG_MAPS, config_map({}), "one")["data"] == {"a": "2"}


def test_the_same_value_is_shared_not_contested(writes):
    apply(writes, CONFIG_MAPS, config_map({"a": "1"}), "one")
    apply(writes, CONFIG_MAPS, config_map({"a": "1"}), "two")
    assert apply(writes, CONFIG_MAPS, config_map({}), "one")["data"] == {"a": "1"}
    assert apply(writes, CONFIG_MAPS, config_map({}), "two")["data"] == {}


def test_the_last_label_goes_and_the_metadata_stays(writes):
    apply(writes, CONFIG_MAPS, config_map({"a": "1"}, labels={"x": "y"}), "one")
    without = apply(writes, CONFIG_MAPS, config_map({"a": "1"}), "one")
    assert without["metadata"]["name"] == "c"
    assert "labels" not in without["metadata"]


def test_applying_the_same_again_is_no_write(writes):
    first = apply(writes, DEPLOYMENTS, deployment(), "one")
    assert apply(writes, DEPLOYMENTS, deployment(), "one") is first


def test_containers_merge_by_name_and_go_one_by_one(writes):
    apply(writes, DEPLOYMENTS, deployment(), "one")
    sidecar = deployment()
    sidecar["spec"]["template"]["spec"]["containers"] = [{"name": "side", "image": "side:1"}]
    both = apply(writes, DEPLOYMENTS, sidecar, "two")
    assert [c["name"] for c in both["spec"]["template"]["spec"]["containers"]] == ["web", "side"]
    sidecar["spec"]["template"]["spec"]["containers"] = []
    one = apply(writes, DEPLOYMENTS, sidecar, "two")
    assert [c["name"] for c in one["spec"]["template"]["spec"]["containers"]] == ["web"]


def test_ports_with_and_without_their_default_protocol_are_the_same_item(writes):
    apply(writes, DEPLOYMENTS, deployment(ports=[{"containerPort": 80}]), "one")
    again = apply(writes, DEPLOYMENTS, deployment(ports=[{"containerPort": 80, "protocol": "TCP"}]), "one")
    container = again["spec"]["template"]["spec"]["containers"][0]
    assert container["ports"] == [{"containerPort": 80, "protocol": "TCP"}]


def test_a_conflict_inside_a_list_names_the_item(writes):
    apply(writes, DEPLOYMENTS, deployment(), "one")
    with pytest.raises(ApiError) as caught:
        apply(writes, DEPLOYMENTS, deployment("web:2"), "two")
    assert caught.value.message.endswith(
        'conflict with "one": .spec.template.spec.containers[name="web"].image'
    )


def test_an_update_takes_ownership_of_what_it_changes(writes):
    made = clone(apply(writes, CONFIG_MAPS, config_map({"a": "1", "b": "1"}), "one"))
    made["data"]["a"] = "2"
    updated = writes.update(CONFIG_MAPS, made, manager="editor")
    entry = next(e for e in updated["metadata"]["managedFields"] if e["manager"] == "editor")
    assert entry["operation"] == "Update"
    assert entry["fieldsV1"] == {"f:data": {"f:a": {}}}
    with pytest.raises(ApiError, match=r'conflict with "editor" using v1: \.data\.a'):
        apply(writes, CONFIG_MAPS, config_map({"a": "1", "b": "1"}), "one")


def test_status_is_owned_apart_from_the_object(writes):
    apply(writes, DEPLOYMENTS, deployment(), "one")
    obj = writes.set_status(DEPLOYMENTS, "foo", "web", {"replicas": 1}, manager="controller")
    assert obj is not None
    entry = next(e for e in obj["metadata"]["managedFields"] if e["manager"] == "controller")
    assert entry["subresource"] == "status"
    assert entry["fieldsV1"] == {"f:status": {"f:replicas": {}}}


@pytest.mark.parametrize(
    "fields",
    [{"zzz": {}}, {"k:{": {}}, {"k:5": {}}, {"f:data": {"v:{": {}}}, {"f:data": {"f:a": []}}, {"f:data": 5}],
)
def test_nonsense_in_managed_fields_does_not_break_a_later_apply(writes, fields):
    made = clone(apply(writes, CONFIG_MAPS, config_map({"a": "1"}), "one"))
    made["metadata"]["managedFields"] = [
        {"manager": "one", "operation": "Apply", "apiVersion": "v1", "fieldsV1": fields}
    ]
    writes.update(CONFIG_MAPS, made, manager="test")
    assert apply(writes, CONFIG_MAPS, config_map({"b": "1"}), "one")["data"]["b"] == "1"
