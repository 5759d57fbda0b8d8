"""Tables, as `kubectl get` requests them, and PartialObjectMetadata."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from lab.kube.errors import bad_request
from lab.kube.kinds.printers import Column
from lab.kube.kinds.resources import Resource
from lab.kube.objects import Json, Object

INCLUDES = ("Metadata", "Object", "None")


def metadata_only(obj: Object) -> Object:
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}


def metadata_list(objects: Sequence[Object], list_metadata: Object) -> Object:
    return {
        "kind": "PartialObjectMetadataList",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": list_metadata,
        "items": [metadata_only(obj) for obj in objects],
    }


def table(
    resource: Resource, objects: Sequence[Object], list_metadata: Object, include: str = "Metadata"
) -> Object:
    """A Table with one row an object; `include` says what of the object travels in its row. Raises a 400."""
    include = include or "Metadata"
    if include not in INCLUDES:
        raise bad_request(f"unrecognized includeObject value: {include!r}")
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": list_metadata,
        "columnDefinitions": [_definition(column) for column in resource.columns],
        "rows": [_row(resource, obj, include) for obj in objects],
    }


def _definition(column: Column) -> Object:
    return {
        "name": column.name,
        "type": column.type,
        "format": "name" if column.name == "Name" else "",
        "description": column.description,
        "priority": column.priority,
    }


def _row(resource: Resource, obj: Object, include: str) -> Object:
    row: Object = {"cells": [_cell(column.value(obj)) for column in resource.columns]}
    if include == "Metadata":
        row["object"] = metadata_only(obj)
    elif include == "Object":
        row["object"] = obj
    return row


def _cell(value: Json) -> Json:
    if value is None or isinstance(value, str | int | float):
        return value
    return orjson.dumps(value).decode()
