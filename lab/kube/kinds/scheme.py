"""The scheme: the kinds that the server serves, built in or added by CustomResourceDefinitions."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from lab.kube.kinds import builtin
from lab.kube.kinds.custom_resources import resources_of
from lab.kube.kinds.resources import Resource
from lab.kube.objects import GroupResource, Json, Object

_VERSION = re.compile(r"v(\d+)(?:(alpha|beta)(\d+))?")


def version_order(version: str) -> tuple[int, int, int, str]:
    """Sorts versions as Kubernetes prefers them: v2, v1, v1beta1, v1alpha1, anything else."""
    match = _VERSION.fullmatch(version)
    if match is None:
        return (3, 0, 0, version)
    stability = {None: 0, "beta": 1, "alpha": 2}[match[2]]
    return (stability, -int(match[1]), -int(match[3] or 0), version)


class Scheme:
    """Looks up resources; `revision` grows whenever the set of them changes.

    `cel_rules` maps the text of an `x-kubernetes-validations` rule to its implementation, a predicate on
    `self`. `node_port_is_free` says of a port whether the node could open it now. `notice` says of a kind
    that a CustomResourceDefinition adds, by its key and name, what whoever creates one is warned of.
    """

    def __init__(self) -> None:
        self.cel_rules: dict[str, Callable[[Json], bool]] = {}
        self.node_port_is_free: Callable[[int], bool] = lambda _port: True
        self.notice: Callable[[GroupResource, str], str] = lambda _key, _kind: ""
        self.revision = 0
        self._served: dict[tuple[str, str, str], Resource] = {}
        self._storage: dict[GroupResource, Resource] = {}
        self._hidden: set[tuple[str, str, str]] = set()
        for resource in builtin.resources():
            self._served[resource.group, resource.version, resource.plural] = resource
            self._storage[resource.key] = resource

    def get(self, group: str, version: str, plural: str) -> Resource | None:
        """The resource at this path of the API, None when it is not served."""
        place = (group, version, plural)
        return None if place in self._hidden else self._served.get(place)

    def storage(self, key: GroupResource) -> Resource:
        """The resource in the version in which its objects are stored. KeyError for an unknown kind."""
        return self._storage[key]

    def knows(self, key: GroupResource) -> bool:
        return key in self._storage

    def definition_of(self, key: GroupResource) -> str | None:
        """The CustomResourceDefinition that adds a collection: "" for a built-in one, None for none."""
        resource = self._storage.get(key)
        return None if resource is None else resource.crd

    def versions(self, key: GroupResource) -> list[Resource]:
        """Every served version of a kind, preferred versions first."""
        found = [
            resource
            for place, resource in self._served.items()
            if resource.key == key and place not in self._hidden
        ]
        return sorted(found, key=lambda resource: version_order(resource.version))

    def of_kind(self, api_version: str, kind: str) -> Resource | None:
        """The resource that an object's apiVersion and kind mean."""
        return next(
            (
                resource
                for resource in self._served.values()
                if resource.kind == kind and resource.api_version == api_version
            ),
            None,
        )

    def groups(self) -> dict[str, dict[str, list[Resource]]]:
        """What is served, by group and version, preferred versions first."""
        found: dict[str, dict[str, list[Resource]]] = {}
        for place, resource in self._served.items():
            if place not in self._hidden:
                found.setdefault(resource.group, {}).setdefault(resource.version, []).append(resource)
        return {
            group: dict(sorted(versions.items(), key=lambda entry: version_order(entry[0])))
            for group, versions in found.items()
        }

    def resources(self) -> list[Resource]:
        """Every stored kind once."""
        return list(self._storage.values())

    def install(self, crd: Object) -> None:
        """Serves what a CustomResourceDefinition declares, at once."""
        self._forget(crd["metadata"]["name"])
        served = {version["name"] for version in crd["spec"]["versions"] if version.get("served")}
        for declared in resources_of(crd):
            resource = replace(declared, notice=self.notice(declared.key, declared.kind))
            place = (resource.group, resource.version, resource.plural)
            self._served[place] = resource
            if resource.version not in served:
                self._hidden.add(place)
            self._storage.setdefault(resource.key, resource)
        self.revision += 1

    def uninstall(self, crd: Object) -> None:
        self._forget(crd["metadata"]["name"])
        self.revision += 1

    def _forget(self, crd_name: str) -> None:
        for place in [place for place, resource in self._served.items() if resource.crd == crd_name]:
            del self._served[place]
            self._hidden.discard(place)
        for key in [key for key, resource in self._storage.items() if resource.crd == crd_name]:
            del self._storage[key]
