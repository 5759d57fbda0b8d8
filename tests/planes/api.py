"""The API server of a lab, spoken to as any client does: objects by key, errors in its own words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kubernetes import config

from lab.kube.client import ApiError, GroupResource, Object

_VERSIONS = {"referencegrants": "v1beta1", "envoyfilters": "v1alpha3"}
_CLUSTER_WIDE = {"namespaces", "gatewayclasses", "customresourcedefinitions", "nodes"}
KINDS = {
    "authorizationpolicies": "AuthorizationPolicy",
    "configmaps": "ConfigMap",
    "deployments": "Deployment",
    "destinationrules": "DestinationRule",
    "endpointslices": "EndpointSlice",
    "envoyfilters": "EnvoyFilter",
    "gatewayclasses": "GatewayClass",
    "gateways": "Gateway",
    "httproutes": "HTTPRoute",
    "namespaces": "Namespace",
    "peerauthentications": "PeerAuthentication",
    "pods": "Pod",
    "referencegrants": "ReferenceGrant",
    "requestauthentications": "RequestAuthentication",
    "serviceaccounts": "ServiceAccount",
    "services": "Service",
    "virtualservices": "VirtualService",
}


class Api:
    """Safe to use from several threads. Raises ApiError with what the server says."""

    def __init__(self, kubeconfig: Path) -> None:
        client = config.new_client_from_config(str(kubeconfig))
        self._host = client.configuration.host
        self._pool = client.rest_client.pool_manager
        self._headers = dict(client.default_headers)
        for setting in client.configuration.auth_settings().values():
            self._headers[setting["key"]] = setting["value"]

    def close(self) -> None:
        self._pool.clear()

    def get(self, key: GroupResource, namespace: str, name: str) -> Object | None:
        try:
            return self._ask("GET", _path(key, namespace, name))
        except ApiError as error:
            if error.code == 404:
                return None
            raise

    def list(self, key: GroupResource, namespace: str = "") -> list[Object]:
        items: list[Object] = self._ask("GET", _path(key, namespace))["items"]
        return items

    def create(self, key: GroupResource, obj: Object, *, dry_run: bool = False, version: str = "") -> Object:
        namespace = obj["metadata"].get("namespace", "")
        query = "?dryRun=All" if dry_run else ""
        return self._ask("POST", _path(key, namespace, version=version) + query, named(key, obj, version))

    def replace(self, key: GroupResource, obj: Object, part: str = "") -> Object:
        metadata = obj["metadata"]
        path = _path(key, metadata.get("namespace", ""), metadata["name"]) + part
        return self._ask("PUT", path, named(key, obj))

    def merge(self, key: GroupResource, namespace: str, name: str, patch: Object, part: str = "") -> Object:
        path = _path(key, namespace, name) + part
        return self._ask("PATCH", path, patch, **{"Content-Type": "application/merge-patch+json"})

    def delete(self, key: GroupResource, namespace: str, name: str) -> None:
        self._ask("DELETE", _path(key, namespace, name))

    def _ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        headers = {**self._headers, "Content-Type": "application/json", **headers}
        text = None if body is None else json.dumps(body)
        answer = self._pool.request(method, self._host + path, body=text, headers=headers)
        said = json.loads(answer.data)
        if answer.status >= 400:
            raise ApiError(answer.status, said.get("reason", ""), said.get("message", ""))
        return said


def named(key: GroupResource, obj: Mapping[str, Any], version: str = "") -> Object:
    """With its kind, which an object in a store goes without."""
    version = version or _VERSIONS.get(key.plural, "v1")
    api_version = f"{key.group}/{version}" if key.group else version
    return {"apiVersion": api_version, "kind": KINDS[key.plural], **obj}


def _path(key: GroupResource, namespace: str, name: str = "", version: str = "") -> str:
    version = version or _VERSIONS.get(key.plural, "v1")
    root = f"/apis/{key.group}/{version}" if key.group else f"/api/{version}"
    inside = f"/namespaces/{namespace}" if namespace and key.plural not in _CLUSTER_WIDE else ""
    return f"{root}{inside}/{key.plural}" + (f"/{name}" if name else "")
