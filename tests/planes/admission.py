"""What admits objects: the reference's schemas and hooks, or Istio's own in front of a real API server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.kube.kinds.registry import Registry
from lab.kube.store import Key, Object, Store, clone
from lab.kube.writing.pipeline import at_once
from lab.kube.writing.shape import WriteOptions
from lab.kube.writing.writes import Writes
from lab.mesh import crds, current
from tests.planes.api import Api
from tests.planes.differences import Kind

BY: dict[Kind, tuple[str, ...]] = {"reference": ("by predicates", "by CEL"), "istio": ("by Istio",)}
"""How the rules of schemas are evaluated."""

DEFINITIONS = Key("apiextensions.k8s.io", "customresourcedefinitions")


class Admission:
    """Asked whether it would take an object; nothing is kept. Raises ApiError where it would not."""

    kind: Kind = "reference"

    def __init__(self, rules: str) -> None:
        registry = Registry()
        registry.cel_rules.update(crds.CEL_RULES if rules == "by predicates" else {})
        self._objects = Writes(Store(), registry)
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "foo"}}
        self._objects.create(Key("", "namespaces"), namespace, manager="test")
        for definition in current.API.definitions():
            self._objects.create(DEFINITIONS, definition, manager="test")
        for key, hook in current.API.admission.items():
            self._objects.admit(key, hook)

    def take(
        self, key: Key, spec: Any, version: str = "v1", annotations: Mapping[str, str] | None = None
    ) -> Object:
        """As a client would ask who uses this version."""
        resource = self._objects.registry.get(key.group, version, key.plural)
        assert resource
        obj = _object(spec, annotations) | {"apiVersion": resource.api_version, "kind": resource.kind}
        asked = WriteOptions("test", dry_run=True)
        return at_once(self._objects.pipeline.create(resource, "foo", clone(obj), asked))


class IstioAdmission(Admission):
    kind: Kind = "istio"

    def __init__(self, api: Api) -> None:
        self._api = api

    def take(
        self, key: Key, spec: Any, version: str = "v1", annotations: Mapping[str, str] | None = None
    ) -> Object:
        return self._api.create(key, _object(spec, annotations), dry_run=True, version=version)


def _object(spec: Any, annotations: Mapping[str, str] | None) -> Object:
    metadata = {"name": "x", "namespace": "foo", "annotations": dict(annotations or {})}
    return {"metadata": metadata, "spec": spec}
