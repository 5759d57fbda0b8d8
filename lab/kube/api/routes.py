"""Parses the path of a request: resource, namespace, name and subresource."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from lab.kube.errors import bad_request, no_such_path
from lab.kube.kinds.resources import Resource
from lab.kube.kinds.scheme import Scheme

# Of a namespace itself; any other word behind its name is a collection in it.
_NAMESPACE_SUBRESOURCES = ("finalize", "status")
_BROKEN_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True)
class Route:
    """`name` and `subresource` are "" if the path does not contain them."""

    resource: Resource
    namespace: str
    name: str
    subresource: str


def segments(raw_path: str) -> list[str]:
    """The decoded segments of a path. Raises a 400 for invalid names."""
    if _BROKEN_ESCAPE.search(raw_path):
        raise bad_request("invalid URL escape in the path")
    found = []
    for raw in raw_path.strip("/").split("/"):
        try:
            segment = unquote_to_bytes(raw).decode()
        except UnicodeDecodeError:
            raise bad_request("the path is not UTF-8") from None
        if segment in (".", "..") or any(char in "/%\\" or not char.isprintable() for char in segment):
            raise bad_request("invalid path segment")
        found.append(segment)
    return found


def route(parts: list[str], scheme: Scheme) -> Route:
    """The resource of a path below `/api` or `/apis`. Raises a 404."""
    group, version, rest = ("", parts[1], parts[2:]) if parts[0] == "api" else (parts[1], parts[2], parts[3:])
    if len(rest) > 1 and "" in rest:
        raise no_such_path()
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2 and not (group == "" and rest[2] in _NAMESPACE_SUBRESOURCES):
        namespace, rest = rest[1], rest[2:]
    if len(rest) > 3:
        raise no_such_path()
    plural, name, subresource = (*rest, "", "")[:3]
    resource = scheme.get(group, version, plural)
    if resource is None:
        raise no_such_path()
    misplaced = resource.namespaced != bool(namespace) and (name or not resource.namespaced)
    if misplaced or (subresource and subresource not in resource.subresources):
        raise no_such_path()
    return Route(resource, namespace, name, subresource)
