"""The reference's admission in this process: its definitions, and what its webhook says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from lab.kube.client import (
    CUSTOM_RESOURCE_DEFINITIONS,
    NAMESPACES,
    ApiError,
    GroupResource,
    Object,
    Store,
    clone,
)
from lab.kube.kinds.scheme import Scheme
from lab.kube.writing.pipeline import at_once
from lab.kube.writing.request_validation import WriteOptions
from lab.kube.writing.writes import Writes
from lab.mesh.config import current
from tests.planes.differences import Kind

NAMESPACE = "foo"
GROUPS = {
    "RequestAuthentication": GroupResource("security.istio.io", "requestauthentications"),
    "AuthorizationPolicy": GroupResource("security.istio.io", "authorizationpolicies"),
    "PeerAuthentication": GroupResource("security.istio.io", "peerauthentications"),
    "DestinationRule": GroupResource("networking.istio.io", "destinationrules"),
    "Gateway": GroupResource("networking.istio.io", "gateways"),
    "VirtualService": GroupResource("networking.istio.io", "virtualservices"),
}
"""By kind."""

WEBHOOK = 'admission webhook "validation.istio.io" denied the request: configuration is invalid: '


class Admission:
    """An API server with nothing else in it."""

    kind: ClassVar[Kind] = "reference"

    def __init__(self, cel_rules: Mapping[str, Callable[[Any], bool]]) -> None:
        scheme = Scheme()
        scheme.cel_rules.update(cel_rules)
        self._objects = Writes(Store(), scheme)
        self._objects.create(NAMESPACES, {"metadata": {"name": NAMESPACE}}, manager="test")
        for definition in current.API.definitions():
            key = CUSTOM_RESOURCE_DEFINITIONS
            self._objects.create(key, definition, manager="test")
        for key, review in current.API.admission.items():
            self._objects.review(key, review)

    def create(
        self, kind: str, spec: Any, version: str = "v1", annotations: Mapping[str, str] | None = None
    ) -> Object:
        """For a dry run, as a client would who uses this version. Raises ApiError."""
        key = GROUPS[kind]
        resource = self._objects.scheme.get(key.group, version, key.plural)
        assert resource
        metadata = {"name": "x", "namespace": NAMESPACE, "annotations": annotations or {}}
        obj = {"apiVersion": resource.api_version, "kind": kind, "metadata": metadata, "spec": spec}
        options = WriteOptions("test", dry_run=True)
        return at_once(self._objects.pipeline.create(resource, NAMESPACE, clone(obj), options))

    def refuses_alone(self, kind: str, spec: Any, why: str) -> bool:
        """Whether the reference says so of such an object, and Istio takes it (docs/differences.md)."""
        said = self.refusal(kind, spec)
        return why in said if self.kind == "reference" else said == ""

    def refusal(self, kind: str, spec: Any, annotations: Mapping[str, str] | None = None) -> str:
        """What it says of such an object; "" if it takes it."""
        try:
            self.create(kind, spec, annotations=annotations)
        except ApiError as error:
            return error.message
        return ""
