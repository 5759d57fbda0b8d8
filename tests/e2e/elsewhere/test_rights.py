"""What manifests/in-cluster grants is what runs need with any of the profiles, no more and no less."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import yaml
from kubernetes import client

from fixtures.mesh_profile import profile as profiles
from fixtures.model.step import MANIFESTS
from fixtures.safety.footprint import Footprint, lanes
from tests.e2e.elsewhere.rights import Need, Right, granted, need_of

ACCOUNT = ("mesh-authn-conformance", "mesh-authn-conformance")
RBAC = MANIFESTS / "in-cluster" / "rbac.yaml"
JOB = MANIFESTS / "in-cluster" / "job.yaml"

PLURALS = {"Policy": "policies", "MeshPolicy": "meshpolicies", "AuthorizationPolicy": "authorizationpolicies"}


@dataclass(frozen=True)
class Resource:
    group: str
    name: str
    namespaced: bool


class Everything:
    """A cluster that serves every kind."""

    def resource(self, version: str, kind: str) -> Resource:
        plural = PLURALS.get(kind, f"{kind.lower()}s")
        return Resource(version.partition("/")[0], plural, kind != "MeshPolicy")


def needed() -> Iterator[Right]:
    """The rights of runs with four lanes. Namespaces that come and go with a run cannot hold a role."""
    everything: Any = Everything()
    for name in profiles.names():
        for access in Footprint(profiles.load(name), lanes(4)).accesses(everything):
            resource = f"{access.resource}/{access.subresource}".rstrip("/")
            lasting = access.namespaces[0] if access.namespaces == ("default",) else ""
            yield Right(access.verb, access.group, resource, lasting, frozenset(access.names))


def test_the_rights_are_those_that_runs_need() -> None:
    assert set(granted(RBAC, ACCOUNT)) == set(needed())


def test_the_job_runs_in_the_name_of_the_account() -> None:
    job = yaml.safe_load(JOB.read_text())
    assert (job["metadata"]["namespace"], job["spec"]["template"]["spec"]["serviceAccountName"]) == ACCOUNT
    assert [*granted(RBAC, ("mesh-authn-conformance", "default"))] == []


MANIFESTS_THERE = [
    item for path in sorted(JOB.parent.glob("*.yaml")) for item in yaml.safe_load_all(path.read_text())
]


@pytest.mark.parametrize("manifest", MANIFESTS_THERE, ids=lambda item: item["kind"])
def test_kubernetes_knows_every_field(manifest: dict[str, Any]) -> None:
    model = getattr(client, f"V1{manifest['kind']}")
    model.model_validate(manifest)
    wrong = {**manifest, "metadata": {**manifest["metadata"], "lables": {}}}
    with pytest.raises(ValueError, match="lables"):
        model.model_validate(wrong)


@pytest.mark.parametrize(
    ("request_line", "need"),
    [
        ("GET /apis", None),
        ("GET /version", None),
        ("GET /apis/security.istio.io/v1", None),
        ("POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews", None),
        ("GET /api/v1/namespaces", Need("list", "", "namespaces")),
        ("DELETE /api/v1/namespaces/foo", Need("delete", "", "namespaces", "foo", "foo")),
        ("GET /api/v1/namespaces/foo/pods", Need("list", "", "pods", "foo")),
        ("GET /api/v1/namespaces/foo/pods/x/exec", Need("get", "", "pods/exec", "foo", "x")),
        ("GET /apis/apps/v1/namespaces/foo/deployments?watch", Need("watch", "apps", "deployments", "foo")),
        (
            "PATCH /apis/apps/v1/namespaces/foo/deployments/x",
            Need("patch", "apps", "deployments", "foo", "x"),
        ),
        ("DELETE /api/v1/namespaces/foo/pods", Need("deletecollection", "", "pods", "foo")),
    ],
)
def test_what_a_request_needs(request_line: str, need: Need | None) -> None:
    method, target = request_line.split()
    path, _, watch = target.partition("?")
    assert need_of(method, path, {watch: "true"} if watch else {}) == need


def test_a_right_with_names_covers_these_only() -> None:
    right = Right("delete", "", "namespaces", names=frozenset({"foo"}))
    assert right.covers(Need("delete", "", "namespaces", "foo", "foo"))
    assert not right.covers(Need("delete", "", "namespaces", "kube-system", "kube-system"))
    assert not right.covers(Need("delete", "", "namespaces"))


def test_a_right_in_a_namespace_covers_nothing_elsewhere() -> None:
    right = Right("create", "coordination.k8s.io", "leases", "default")
    assert right.covers(Need("create", "coordination.k8s.io", "leases", "default"))
    assert not right.covers(Need("create", "coordination.k8s.io", "leases", "kube-system"))
