"""Of what kubectl warns besides "created", in Istio's words and order."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from lab.kube.client import CUSTOM_RESOURCE_DEFINITIONS, NAMESPACES, Store
from lab.kube.kinds.scheme import Scheme
from lab.kube.writing.pipeline import at_once
from lab.kube.writing.request_validation import WriteOptions
from lab.kube.writing.writes import Writes
from lab.mesh.config import current
from lab.mesh.config.cel_rules import CEL_RULES
from tests.mesh.config.current.warned_documents import DOCUMENTS
from tests.planes.istio_lab import IstioLab
from tests.planes.option import chosen

Told = Callable[[str, dict[str, Any]], list[str]]
"""What is said of an object of a kind, by its `spec`, without keeping it."""

PLURALS = {"AuthorizationPolicy": "authorizationpolicies"}


@pytest.fixture(scope="module")
def told(request: pytest.FixtureRequest) -> Told:
    if chosen(request.config) == "reference":
        return by_the_reference()
    lab: IstioLab = request.getfixturevalue("istio_lab")
    lab.namespace("foo")
    return by_istio(lab)


def written(kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    security = kind in ("PeerAuthentication", "RequestAuthentication", "AuthorizationPolicy")
    group = "security.istio.io" if security else "networking.istio.io"
    metadata = {"name": "x", "namespace": "foo"}
    return {"apiVersion": f"{group}/v1", "kind": kind, "metadata": metadata, "spec": spec}


def by_the_reference() -> Told:
    scheme = Scheme()
    scheme.cel_rules.update(CEL_RULES)
    objects = Writes(Store(), scheme)
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "foo"}}
    objects.create(NAMESPACES, namespace, manager="test")
    for definition in current.API.definitions():
        objects.create(CUSTOM_RESOURCE_DEFINITIONS, definition, manager="test")
    for key, review in current.API.warnings.items():
        objects.review(key, review)

    def told(kind: str, spec: dict[str, Any]) -> list[str]:
        obj, options = written(kind, spec), WriteOptions("test", dry_run=True)
        group, _, version = obj["apiVersion"].partition("/")
        resource = scheme.get(group, version, PLURALS.get(kind, f"{kind.lower()}s"))
        assert resource
        at_once(objects.pipeline.create(resource, "foo", obj, options))
        return list(dict.fromkeys(options.warnings))

    return told


def by_istio(lab: IstioLab) -> Told:
    def told(kind: str, spec: dict[str, Any]) -> list[str]:
        command = ["kubectl", f"--kubeconfig={lab.kubeconfig}", "create", "--dry-run=server", "-f", "-"]
        manifest = json.dumps(written(kind, spec))
        done = subprocess.run(command, input=manifest, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return [line.removeprefix("Warning: ") for line in done.stderr.splitlines()]

    return told


@pytest.mark.parametrize(
    ("kind", "spec", "warnings"), DOCUMENTS, ids=[f"{kind}-{n}" for n, (kind, *_) in enumerate(DOCUMENTS)]
)
def test_warnings_are_those_of_istio(
    told: Told, kind: str, spec: dict[str, Any], warnings: list[str]
) -> None:
    assert told(kind, spec) == list(dict.fromkeys(warnings))
