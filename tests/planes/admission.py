"""What real Istio admits: its schemas and its webhook, in front of the API server of a lab."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.kube.client import Object
from tests.mesh.admission import GROUPS, NAMESPACE, Admission
from tests.planes.api import Api


class IstioAdmission(Admission):
    """Nothing that it is asked about is kept."""

    kind = "istio"

    def __init__(self, api: Api) -> None:
        self._api = api

    def create(
        self, kind: str, spec: Any, version: str = "v1", annotations: Mapping[str, str] | None = None
    ) -> Object:
        metadata = {"name": "x", "namespace": NAMESPACE, "annotations": dict(annotations or {})}
        obj = {"metadata": metadata, "spec": spec}
        return self._api.create(GROUPS[kind], obj, dry_run=True, version=version)
