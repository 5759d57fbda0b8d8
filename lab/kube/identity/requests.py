"""Request attributes: verb, resource and namespace by method and path alone, as authorization sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lab.kube.objects import GroupResource

_VERBS = {
    "POST": "create",
    "GET": "get",
    "HEAD": "get",
    "PUT": "update",
    "PATCH": "patch",
    "DELETE": "delete",
}
_VERBS_OF_COLLECTIONS = {"get": "list", "delete": "deletecollection"}
#: Subresources of a namespace; any other word after `/namespaces/NAME/` is a collection inside it.
_OF_NAMESPACE = frozenset({"status", "finalize"})


@dataclass(frozen=True)
class RequestInfo:
    """`resource` is None for a path that is not an object or collection; its verb is the HTTP method."""

    verb: str
    resource: GroupResource | None = None
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    @classmethod
    def of(cls, method: str, path: str, query: Mapping[str, str]) -> RequestInfo:
        parts = path.strip("/").split("/")
        skipped = {"api": 2, "apis": 3}.get(parts[0])
        if skipped is None or len(parts) <= skipped:
            return cls(method.lower())
        group = parts[1] if parts[0] == "apis" else ""
        rest = parts[skipped:]
        namespace = ""
        if rest[0] == "namespaces" and len(rest) > 1:
            namespace = rest[1]
            if len(rest) > 2 and rest[2] not in _OF_NAMESPACE:
                rest = rest[2:]
        plural, name, subresource = (*rest, "", "")[:3]
        verb = _VERBS.get(method, method.lower())
        if not name:
            verb = _VERBS_OF_COLLECTIONS.get(verb, verb)
        if query.get("watch") in ("true", "1") and verb == "list":
            verb = "watch"
        return cls(verb, GroupResource(group, plural), namespace, name, subresource)
