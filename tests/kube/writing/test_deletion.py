"""What holds an object that is deleted, and for how long."""

from __future__ import annotations

import pytest

from lab.kube.errors import ApiError
from lab.kube.group_resources import CONFIG_MAPS, NAMESPACES, PODS
from lab.kube.objects import clone
from tests.kube.writing.written import pod, refusal


def test_a_finalizer_holds_an_object_until_it_is_taken_away(writes):
    obj = {"metadata": {"name": "held", "namespace": "foo", "finalizers": ["example.com/hold"]}}
    writes.create(CONFIG_MAPS, obj, manager="test")
    writes.delete(CONFIG_MAPS, "foo", "held")
    held = clone(writes.store.get(CONFIG_MAPS, "foo", "held"))
    assert held["metadata"]["deletionTimestamp"]
    held["metadata"]["finalizers"].append("example.com/more")
    with pytest.raises(ApiError, match="no new finalizers can be added if the object is being deleted"):
        writes.update(CONFIG_MAPS, held, manager="test")
    held["metadata"]["finalizers"] = []
    writes.update(CONFIG_MAPS, held, manager="test")
    assert writes.store.get(CONFIG_MAPS, "foo", "held") is None


def test_a_pod_that_has_run_is_given_time_to_end(writes):
    writes.create(PODS, pod(), manager="test")
    writes.set_status(PODS, "foo", "web", {"phase": "Running", "podIP": "1.2.3.4"}, manager="kubelet")
    writes.delete(PODS, "foo", "web")
    ending = writes.store.get(PODS, "foo", "web")
    assert ending is not None
    assert ending["metadata"]["deletionGracePeriodSeconds"] == 30
    writes.delete(PODS, "foo", "web", grace_period=5)
    ending = clone(writes.store.get(PODS, "foo", "web"))
    assert ending["metadata"]["deletionGracePeriodSeconds"] == 5
    ending["metadata"]["labels"] = {"still": "here"}
    writes.update(PODS, ending, manager="test")
    writes.delete(PODS, "foo", "web", grace_period=60)
    ending = writes.store.get(PODS, "foo", "web")
    assert ending is not None
    assert ending["metadata"]["deletionGracePeriodSeconds"] == 5
    writes.delete(PODS, "foo", "web", grace_period=0)
    assert writes.store.get(PODS, "foo", "web") is None


def test_a_pod_that_never_ran_goes_at_once(writes):
    writes.create(PODS, pod(), manager="test")
    writes.delete(PODS, "foo", "web")
    assert writes.store.get(PODS, "foo", "web") is None


def test_a_terminating_namespace_takes_nothing_new_and_goes_when_released(writes):
    writes.delete(NAMESPACES, "", "foo")
    ending = clone(writes.store.get(NAMESPACES, "", "foo"))
    assert ending["status"]["phase"] == "Terminating"
    assert refusal(writes, CONFIG_MAPS, {"metadata": {"name": "z", "namespace": "foo"}}) == (
        403,
        "Forbidden",
        'configmaps "z" is forbidden: unable to create new content in namespace foo because it is being'
        " terminated",
    )
    ending["spec"]["finalizers"] = []
    writes.update(NAMESPACES, ending, manager="test", subresource="finalize")
    assert writes.store.get(NAMESPACES, "", "foo") is None
