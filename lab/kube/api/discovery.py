"""API discovery: a list for each group and version, and aggregated discovery."""

from __future__ import annotations

from collections.abc import Collection

from lab.kube.api.negotiation import Accepted
from lab.kube.errors import no_such_path
from lab.kube.kinds.resources import Resource
from lab.kube.kinds.scheme import Scheme
from lab.kube.objects import Object

AGGREGATED = "APIGroupDiscoveryList"
# (kind, its group and version, verbs) of the subresources that are no view of their own object.
_FOREIGN: dict[str, tuple[str, tuple[str, str], tuple[str, ...]]] = {
    "exec": ("PodExecOptions", ("", "v1"), ("create", "get")),
    "portforward": ("PodPortForwardOptions", ("", "v1"), ("create", "get")),
    "scale": ("Scale", ("autoscaling", "v1"), ("get", "patch", "update")),
    "token": ("TokenRequest", ("authentication.k8s.io", "v1"), ("create",)),
}
_VERBS: dict[str, tuple[str, ...]] = {
    "approval": ("get", "patch", "update"),
    "log": ("get",),
    "finalize": ("update",),
    "status": ("get", "patch", "update"),
}


def _subresource(resource: Resource, name: str) -> tuple[str, tuple[str, str], tuple[str, ...]]:
    if name in _FOREIGN:
        return _FOREIGN[name]
    return resource.kind, (resource.group, resource.version), _VERBS[name]


def aggregated(scheme: Scheme, *, core: bool, accepted: Accepted) -> tuple[Object, str]:
    """Every group with its resources, and the media type that names the format."""
    version = accepted.parameters.get("v", "v2")
    document = {
        "kind": AGGREGATED,
        "apiVersion": f"apidiscovery.k8s.io/{version}",
        "metadata": {},
        "items": [
            {
                "metadata": {"name": group} if group else {},
                "versions": [
                    {
                        "version": name,
                        "freshness": "Current",
                        "resources": [_aggregated_resource(resource) for resource in resources],
                    }
                    for name, resources in versions.items()
                ],
            }
            for group, versions in scheme.groups().items()
            if (group == "") == core
        ],
    }
    return document, f"application/json;g=apidiscovery.k8s.io;v={version};as={AGGREGATED}"


def _aggregated_resource(resource: Resource) -> Object:
    entry: Object = {
        "resource": resource.plural,
        "responseKind": {"group": resource.group, "version": resource.version, "kind": resource.kind},
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": list(resource.verbs),
    }
    subresources = []
    for name in resource.subresources:
        kind, (group, version), verbs = _subresource(resource, name)
        subresources.append(
            {
                "subresource": name,
                "responseKind": {"group": group, "version": version, "kind": kind},
                "verbs": list(verbs),
            }
        )
    return entry | _optional(
        shortNames=resource.short_names, categories=resource.categories, subresources=subresources
    )


def _optional(**fields: Collection[object]) -> Object:
    return {name: list(value) for name, value in fields.items() if value}


def core_versions() -> Object:
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}


def group_list(scheme: Scheme) -> Object:
    groups = [_group(name, list(versions)) for name, versions in scheme.groups().items() if name]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def group(scheme: Scheme, name: str) -> Object:
    """Raises a 404."""
    versions = scheme.groups().get(name)
    if not versions or not name:
        raise no_such_path()
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(name, list(versions))}


def _group(name: str, versions: list[str]) -> Object:
    listed = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


def resource_list(scheme: Scheme, group_name: str, version: str) -> Object:
    """Raises a 404."""
    resources = scheme.groups().get(group_name, {}).get(version)
    if not resources:
        raise no_such_path()
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": f"{group_name}/{version}" if group_name else version,
        "resources": [entry for resource in resources for entry in _plain_resource(resource)],
    }


def _plain_resource(resource: Resource) -> list[Object]:
    whole: Object = {
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": list(resource.verbs),
    }
    entries = [whole | _optional(shortNames=resource.short_names, categories=resource.categories)]
    for name in resource.subresources:
        kind, (group_name, version), verbs = _subresource(resource, name)
        entry: Object = {
            "name": f"{resource.plural}/{name}",
            "singularName": "",
            "namespaced": resource.namespaced,
            "kind": kind,
            "verbs": list(verbs),
        }
        if (group_name, version) != (resource.group, resource.version):
            entry |= {"group": group_name, "version": version}
        entries.append(entry)
    return entries
