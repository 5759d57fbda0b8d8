"""Kubernetes' role-based access control, as far as the roles of the suite use it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True)
class Need:
    """What one request needs. A subresource stands behind a slash; what a request does not have is empty."""

    verb: str
    group: str
    resource: str
    namespace: str = ""
    name: str = ""


@dataclass(frozen=True)
class Right:
    """One verb on one resource, in a namespace or (empty) everywhere; no ``names`` means any object."""

    verb: str
    group: str
    resource: str
    namespace: str = ""
    names: frozenset[str] = frozenset()

    def covers(self, need: Need) -> bool:
        return (
            (self.verb, self.group, self.resource) == (need.verb, need.group, need.resource)
            and self.namespace in ("", need.namespace)
            and (not self.names or need.name in self.names)
        )


def granted(path: Path, account: tuple[str, str]) -> Iterator[Right]:
    """The rights of a service account (namespace and name) by the roles and bindings of a file."""
    objects = [item for item in yaml.safe_load_all(path.read_text()) if item]
    roles = {
        (item["kind"], item["metadata"].get("namespace", ""), item["metadata"]["name"]): item["rules"]
        for item in objects
        if item["kind"] in ("Role", "ClusterRole")
    }
    for item in objects:
        if item["kind"] in ("RoleBinding", "ClusterRoleBinding"):
            bound = {(subject.get("namespace"), subject["name"]) for subject in item["subjects"]}
            namespace, role = item["metadata"].get("namespace", ""), item["roleRef"]
            where = namespace if role["kind"] == "Role" else ""
            yield from (
                _rights(roles[role["kind"], where, role["name"]], namespace) if account in bound else ()
            )


def _rights(rules: Iterable[Mapping[str, Any]], namespace: str) -> Iterator[Right]:
    for rule in rules:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                for verb in rule["verbs"]:
                    yield Right(verb, group, resource, namespace, frozenset(rule.get("resourceNames", ())))


VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


def need_of(method: str, path: str, query: Mapping[str, str]) -> Need | None:
    """What a request needs; None for what every user may: discovery, and reviews of oneself.

    The request attributes of the Kubernetes documentation, "Authorization", section "Request verbs".
    """
    parts = path.strip("/").split("/")
    prefix = {"api": 2, "apis": 3}.get(parts[0])
    if prefix is None or len(parts) <= prefix:
        return None
    group, rest = ("" if prefix == 2 else parts[1]), parts[prefix:]
    if group == "authorization.k8s.io":
        return None
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    resource, name, subresource = (*rest, "", "")[:3]
    if resource == "namespaces":
        namespace = name
    if method != "GET":
        verb = VERBS[method] if name or method == "POST" else "deletecollection"
    elif query.get("watch") in ("true", "1", "True"):
        verb = "watch"
    else:
        verb = "get" if name else "list"
    return Need(verb, group, f"{resource}/{subresource}".rstrip("/"), namespace, name)
