"""Kubernetes objects as JSON, and the names of the collections they are kept in."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias, TypeVar

import orjson

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"
"""JSON data of which nothing is known yet."""

Object = dict[str, Any]
"""A Kubernetes object, or a part of one, as JSON; read-only once stored."""

T = TypeVar("T")


class GroupResource(NamedTuple):
    """A collection of objects in any API version, such as `GroupResource("apps", "deployments")`."""

    group: str
    plural: str


def clone(value: T) -> T:
    """A deep copy of JSON data."""
    copy: T = orjson.loads(orjson.dumps(value))
    return copy


def place_of(obj: Object) -> tuple[str, str]:
    """(namespace, name); the namespace of a cluster-scoped object is ""."""
    metadata = obj["metadata"]
    return metadata.get("namespace", ""), metadata["name"]
