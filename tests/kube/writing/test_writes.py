"""What a write makes of an object."""

from __future__ import annotations

import pytest

from lab.kube.errors import ApiError
from lab.kube.group_resources import DEPLOYMENTS, EVENTS, NAMESPACES, PODS, SECRETS
from lab.kube.objects import clone
from tests.kube.writing.written import deployment, pod, refusal


def test_a_created_object_carries_identity_defaults_and_its_first_status(writes):
    made = writes.create(PODS, pod(), manager="test")
    assert made["apiVersion"] == "v1"
    assert made["kind"] == "Pod"
    assert len(made["metadata"]["uid"]) == 36
    assert made["metadata"]["resourceVersion"] == str(writes.store.revision)
    assert made["status"] == {"phase": "Pending", "qosClass": "BestEffort"}
    assert made["spec"]["restartPolicy"] == "Always"
    assert made["spec"]["containers"][0]["imagePullPolicy"] == "Always"
    assert made["spec"]["serviceAccountName"] == "default"


def test_a_rehearsal_stores_nothing(writes):
    before = writes.store.revision
    assert writes.create(PODS, pod(), manager="test", dry_run=True)["metadata"]["uid"]
    assert writes.store.revision == before
    assert writes.store.list(PODS) == []


def test_generated_names_differ(writes):
    template = pod() | {"metadata": {"generateName": "web-", "namespace": "foo"}}
    names = {writes.create(PODS, template, manager="test")["metadata"]["name"] for _ in range(20)}
    assert len(names) == 20
    assert all(name.startswith("web-") and len(name) == 9 for name in names)


def test_a_write_that_changes_nothing_keeps_the_revision(writes):
    made = writes.create(DEPLOYMENTS, deployment(), manager="test")
    assert writes.update(DEPLOYMENTS, made, manager="test") is made
    assert writes.store.revision == int(made["metadata"]["resourceVersion"])


def test_generation_counts_changes_of_the_spec_only(writes):
    made = clone(writes.create(DEPLOYMENTS, deployment(), manager="test"))
    made["metadata"]["labels"] = {"a": "b"}
    made = clone(writes.update(DEPLOYMENTS, made, manager="test"))
    assert made["metadata"]["generation"] == 1
    made["spec"]["replicas"] = 2
    assert writes.update(DEPLOYMENTS, made, manager="test")["metadata"]["generation"] == 2
    status = writes.set_status(DEPLOYMENTS, "foo", "web", {"replicas": 2}, manager="test")
    assert status is not None
    assert status["metadata"]["generation"] == 2


def test_a_stale_revision_is_a_conflict(writes):
    made = writes.create(DEPLOYMENTS, deployment(), manager="test")
    newer = clone(made)
    newer["spec"]["replicas"] = 2
    writes.update(DEPLOYMENTS, newer, manager="test")
    with pytest.raises(ApiError, match="the object has been modified; please apply your changes") as caught:
        writes.update(DEPLOYMENTS, newer, manager="test")
    assert (caught.value.code, caught.value.reason) == (409, "Conflict")


def test_a_client_cannot_write_the_status_through_the_object(writes):
    made = clone(writes.create(PODS, pod(), manager="test"))
    made["status"] = {"phase": "Running"}
    assert writes.update(PODS, made, manager="test")["status"]["phase"] == "Pending"


def test_status_is_replaced_wholly_and_equal_status_is_no_write(writes):
    writes.create(PODS, pod(), manager="test")
    first = writes.set_status(PODS, "foo", "web", {"phase": "Running", "podIP": "1.2.3.4"}, manager="kubelet")
    assert first is not None
    assert first["status"] == {"phase": "Running", "podIP": "1.2.3.4"}
    again = writes.set_status(PODS, "foo", "web", {"phase": "Running", "podIP": "1.2.3.4"}, manager="kubelet")
    assert again is first
    assert writes.set_status(PODS, "foo", "absent", {}, manager="kubelet") is None


def test_the_same_event_is_counted_and_another_is_recorded(writes):
    made = writes.create(PODS, pod(), manager="test")
    for message in ("pulled a", "pulled a", "pulled b"):
        writes.emit(made, reason="Pulled", message=message, component="kubelet")
    events = writes.store.list(EVENTS, "foo")
    assert sorted((event["message"], event["count"]) for event in events) == [
        ("pulled a", 2),
        ("pulled b", 1),
    ]
    assert events[0]["involvedObject"]["uid"] == made["metadata"]["uid"]


def test_an_event_of_a_namespace_on_its_way_out_is_not_recorded(writes):
    made = writes.create(PODS, pod(), manager="test")
    writes.delete(NAMESPACES, "", "foo")
    writes.emit(made, reason="Killing", message="bye", component="kubelet")
    assert writes.store.list(EVENTS) == []


def test_secrets_store_what_was_written_as_text_in_base64(writes):
    secret = {"metadata": {"name": "s", "namespace": "foo"}, "stringData": {"a": "geheim"}}
    made = writes.create(SECRETS, secret, manager="test")
    assert made["data"] == {"a": "Z2VoZWlt"}
    assert "stringData" not in made
    assert made["type"] == "Opaque"
    broken = {"metadata": {"name": "t", "namespace": "foo"}, "data": {"a": "not base64!"}}
    assert refusal(writes, SECRETS, broken) == (
        400,
        "BadRequest",
        'Secret in version "v1" cannot be handled as a Secret: illegal base64 data at input byte 3',
    )
