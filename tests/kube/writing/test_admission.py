"""Admission in the course of a write."""

from __future__ import annotations

from lab.kube.admission import Denied, Invalid
from lab.kube.group_resources import PODS
from lab.kube.objects import clone
from lab.kube.writing.pipeline import at_once
from lab.kube.writing.request_validation import WriteOptions
from tests.kube.mesh_crd import peer_authentication
from tests.kube.writing.written import PEERS, pod, refusal


def test_admission_sees_defaults_and_identity_and_may_change_the_object(writes):
    seen = []

    def inject(new, old):
        seen.append((new["metadata"]["name"], "uid" in new["metadata"], old))
        new = clone(new)
        new["spec"]["containers"].append({**new["spec"]["containers"][0], "name": "istio-proxy"})
        return new

    writes.admit(PODS, inject)
    made = writes.create(PODS, pod(), manager="test")
    assert [container["name"] for container in made["spec"]["containers"]] == ["web", "istio-proxy"]
    assert seen == [("web", True, None)]


def test_a_denial_reads_like_a_webhooks(writes):
    def deny(new, old):
        raise Denied("no such thing here")

    writes.admit(PEERS, deny)
    assert refusal(writes, PEERS, peer_authentication({})) == (
        400,
        "",
        'admission webhook "validation.istio.io" denied the request: no such thing here',
    )


def test_an_invalid_field_reads_like_a_cel_rules(writes):
    def check(new, old):
        raise Invalid("spec", "portLevelMtls requires selector")

    writes.admit(PEERS, check)
    assert refusal(writes, PEERS, peer_authentication({}, name="x"))[2] == (
        'PeerAuthentication.security.istio.io "x" is invalid: spec: Invalid value: "object":'
        " portLevelMtls requires selector"
    )


def test_a_review_is_asked_about_valid_objects_only(writes):
    seen = []

    def review(new):
        seen.append(new["spec"])
        if "selector" in new["spec"]:
            raise Denied("no selectors here")
        return ["think twice"]

    writes.review(PEERS, review)
    assert refusal(writes, PEERS, peer_authentication({"mtls": {"mode": "NO"}}))[0] == 422
    assert seen == []
    assert refusal(writes, PEERS, peer_authentication({"selector": {}})) == (
        400,
        "",
        'admission webhook "validation.istio.io" denied the request: no selectors here',
    )
    options = WriteOptions("test")
    resource = writes.scheme.storage(PEERS)
    at_once(writes.pipeline.create(resource, "foo", peer_authentication({}), options))
    assert options.warnings == ["think twice"]


def test_what_admission_adds_is_validated(writes):
    writes.admit(PODS, lambda new, old: {**new, "spec": {**new["spec"], "containers": []}})
    assert refusal(writes, PODS, pod())[2] == 'Pod "web" is invalid: spec.containers: Required value'
