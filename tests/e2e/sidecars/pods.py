"""The pods that the tests of this folder make."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

HTTPBIN = {"name": "httpbin", "image": "docker.io/mccutchen/go-httpbin:v2.15.0"}
CURL = {"name": "curl", "image": "curlimages/curl", "command": ["sleep", "infinity"]}

Annotations = Mapping[str, str]


def pod(
    name: str,
    namespace: str,
    container: Mapping[str, Any],
    annotations: Annotations | None = None,
    **spec: Any,
) -> dict[str, Any]:
    metadata = {
        "name": name,
        "namespace": namespace,
        "labels": {"app": name},
        "annotations": dict(annotations or {}),
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"containers": [dict(container)], "terminationGracePeriodSeconds": 1, **spec},
    }


def service(name: str, namespace: str, **spec: Any) -> dict[str, Any]:
    """Port 8000 for port 8080 of the pods with this name in their label."""
    port = {"name": "http", "port": 8000, "targetPort": 8080}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": {"app": name}, "ports": [port], **spec},
    }


def strict(namespace: str) -> dict[str, Any]:
    return {
        "apiVersion": "security.istio.io/v1",
        "kind": "PeerAuthentication",
        "metadata": {"name": "default", "namespace": namespace},
        "spec": {"mtls": {"mode": "STRICT"}},
    }


def manifest(*objects: Mapping[str, Any]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
