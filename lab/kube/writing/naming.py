"""The name and the namespace of a new object."""

from __future__ import annotations

import secrets

from lab.kube import errors
from lab.kube.errors import bad_request
from lab.kube.group_resources import NAMESPACES
from lab.kube.kinds.metadata import check_name
from lab.kube.kinds.resources import Resource
from lab.kube.objects import Object
from lab.kube.store import Store
from lab.kube.writing.replacement import WRONG_NAMESPACE

_SUFFIX_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


def name(resource: Resource, metadata: Object) -> str:
    """The name that the metadata have, or are given after their `generateName`. Raises a 422."""
    if not metadata.get("name") and (prefix := metadata.get("generateName")):
        suffix = "".join(secrets.choice(_SUFFIX_ALPHABET) for _ in range(5))
        # As the real server does, so that the name stays a valid label.
        metadata["name"] = prefix[:58] + suffix
    given: str = metadata.get("name", "")
    if not given:
        cause = errors.required("metadata.name", "name or generateName is required")
        raise errors.invalid(resource.group, resource.kind, "", [cause])
    if causes := check_name(given, resource.name_rule):
        raise errors.invalid(resource.group, resource.kind, given, causes)
    return given


def place(resource: Resource, metadata: Object, namespace: str, store: Store) -> None:
    """Puts the namespace into the metadata, where the kind has any. ApiError if that cannot be."""
    if not resource.namespaced:
        metadata.pop("namespace", None)
        return
    if not metadata.get("namespace"):
        metadata["namespace"] = namespace
    if metadata["namespace"] != namespace:
        raise bad_request(WRONG_NAMESPACE)
    holder = store.get(NAMESPACES, "", namespace)
    if holder is None:
        raise errors.not_found(NAMESPACES, namespace)
    if holder["metadata"].get("deletionTimestamp"):
        raise errors.namespace_terminating(resource, metadata.get("name", ""), namespace)
