"""Which webhooks are asked about what: rules, scopes, selectors and versions."""

from __future__ import annotations

from typing import Any

import pytest

from lab.kube.group_resources import CUSTOM_RESOURCE_DEFINITIONS, NAMESPACES, PODS
from lab.kube.identity.auth import ADMIN
from lab.kube.kinds.scheme import Scheme
from lab.kube.objects import GroupResource
from lab.kube.store import Store
from lab.kube.webhooks.attributes import Attributes
from lab.kube.webhooks.matching import Webhook, is_selected, version_asked
from lab.kube.writing import admission_attributes
from lab.kube.writing.deletion import DeleteOptions
from lab.kube.writing.request_validation import WriteOptions
from lab.kube.writing.writes import Writes
from tests.kube.mesh_crd import peer_authentications

POD = {"metadata": {"name": "web", "namespace": "foo", "labels": {"app": "web"}}}


@pytest.fixture(scope="module")
def writes() -> Writes:
    writes = Writes(Store(), Scheme())
    namespace = {"metadata": {"name": "foo", "labels": {"inject": "yes"}}}
    writes.create(NAMESPACES, namespace, manager="test")
    crds = CUSTOM_RESOURCE_DEFINITIONS
    writes.create(crds, peer_authentications(), manager="test")
    return writes


def asked(writes: Writes, key: GroupResource = PODS, **changed: Any) -> Attributes:
    resource = writes.scheme.storage(key)
    about: dict[str, Any] = {
        "operation": "CREATE",
        "resource": resource,
        "namespace": "foo" if resource.namespaced else "",
        "name": "web",
        "object": POD,
        "old": None,
        "user": ADMIN,
        "options": {},
    }
    return Attributes(**about | changed)


def webhook(rule: dict[str, Any] | None = None, **declared: Any) -> Webhook:
    rule = {"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"]} | (rule or {})
    return Webhook(("x", 0), {"name": "a.b.example", "rules": [rule], **declared})


@pytest.mark.parametrize(
    ("rule", "subresource", "concerned"),
    [
        ({}, "", True),
        ({"resources": ["pods"]}, "", True),
        ({"resources": ["services"]}, "", False),
        ({"resources": ["services", "pods"]}, "", True),
        ({"resources": ["pods"]}, "status", False),
        ({"resources": ["pods/status"]}, "status", True),
        ({"resources": ["pods/status"]}, "", False),
        ({"resources": ["pods/*"]}, "status", True),
        ({"resources": ["pods/*"]}, "", True),
        ({"resources": ["*"]}, "status", False),
        ({"resources": ["*/*"]}, "status", True),
        ({"resources": ["*/status"]}, "status", True),
        ({"operations": ["UPDATE", "DELETE"]}, "", False),
        ({"operations": ["UPDATE", "CREATE"]}, "", True),
        ({"apiGroups": ["apps"]}, "", False),
        ({"apiGroups": [""]}, "", True),
        ({"apiVersions": ["v2"]}, "", False),
        ({"scope": "Namespaced"}, "", True),
        ({"scope": "Cluster"}, "", False),
    ],
)
def test_rules(writes, rule, subresource, concerned):
    found = version_asked(webhook(rule), asked(writes, subresource=subresource), writes.scheme)
    assert (found is not None) == concerned


@pytest.mark.parametrize(("scope", "concerned"), [("Cluster", True), ("Namespaced", False), ("*", True)])
def test_a_namespace_itself_belongs_to_the_cluster(writes, scope, concerned):
    question = asked(writes, NAMESPACES, namespace="foo", name="foo")
    assert (version_asked(webhook({"scope": scope}), question, writes.scheme) is not None) == concerned


@pytest.mark.parametrize(("policy", "version"), [("Equivalent", "v1"), ("Exact", None)])
def test_another_version_of_the_same_kind(writes, policy, version):
    resource = writes.scheme.get("security.istio.io", "v1beta1", "peerauthentications")
    obj = {**POD, "apiVersion": resource.api_version}
    question = asked(writes, resource.key, resource=resource, object=obj)
    hook = webhook({"apiGroups": ["security.istio.io"], "apiVersions": ["v1"]}, matchPolicy=policy)
    found = version_asked(hook, question, writes.scheme)
    assert (found.version if found else None) == version
    if found:
        assert question.in_version(found).object == {**POD, "apiVersion": "security.istio.io/v1"}


@pytest.mark.parametrize(
    ("selectors", "selected"),
    [
        ({}, True),
        ({"namespaceSelector": {"matchLabels": {"inject": "yes"}}}, True),
        ({"namespaceSelector": {"matchLabels": {"inject": "no"}}}, False),
        (
            {"namespaceSelector": {"matchExpressions": [{"key": "inject", "operator": "DoesNotExist"}]}},
            False,
        ),
        ({"objectSelector": {"matchLabels": {"app": "web"}}}, True),
        ({"objectSelector": {"matchLabels": {"app": "db"}}}, False),
        ({"objectSelector": {"matchLabels": {"was": "here"}}}, True),
    ],
)
def test_selectors(writes, selectors, selected):
    old = {"metadata": {"name": "web", "labels": {"was": "here"}}}
    assert is_selected(webhook(**selectors), asked(writes, old=old), writes.store) == selected


def test_a_namespace_is_selected_by_its_own_labels(writes):
    selector = {"namespaceSelector": {"matchLabels": {"inject": "yes"}}}
    new = {"metadata": {"name": "bar", "labels": {"inject": "yes"}}}
    question = asked(writes, NAMESPACES, object=new, name="bar", namespace="bar")
    assert is_selected(webhook(**selector), question, writes.store)
    assert not is_selected(webhook(**selector), question.about(POD), writes.store)
    # What is in no namespace is asked about whatever the selector says.
    role = asked(writes, GroupResource("rbac.authorization.k8s.io", "clusterroles"))
    assert is_selected(webhook(**selector), role, writes.store)


def test_what_has_no_labels_is_only_selected_by_an_empty_selector(writes):
    question = asked(writes, object={"kind": "PodExecOptions"})
    assert is_selected(webhook(objectSelector={}), question, writes.store)
    selector = {"matchExpressions": [{"key": "x", "operator": "DoesNotExist"}]}
    assert not is_selected(webhook(objectSelector=selector), question, writes.store)


def test_old_and_new_are_shown_in_the_version_of_the_request(writes):
    resource = writes.scheme.get("security.istio.io", "v1beta1", "peerauthentications")
    stored = {**POD, "apiVersion": "security.istio.io/v1"}
    new = {**POD, "apiVersion": "security.istio.io/v1beta1"}
    update = admission_attributes.update(resource, stored, new, WriteOptions("test"), "")
    removal = admission_attributes.removal(resource, stored, DeleteOptions())
    for obj in (update.object, update.old, removal.old):
        assert obj
        assert obj["apiVersion"] == "security.istio.io/v1beta1"
    wanted = writes.scheme.storage(resource.key)
    theirs = update.in_version(wanted)
    assert theirs.object
    assert theirs.old
    assert (theirs.object["apiVersion"], theirs.old["apiVersion"]) == ("security.istio.io/v1",) * 2
