"""Schemas of built-in kinds and of custom resources; pruning and defaulting, which need nothing else.

A `Schema` is a lazy view of one OpenAPI schema: children are made when somebody walks there, so that loading
the schemas of all built-in kinds costs two milliseconds.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from functools import cache, cached_property
from pathlib import Path
from typing import Literal

import orjson

from lab.kube.objects import Json, Object, clone

OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
# Two built-in types are written as `oneOf` two JSON types, and decoded by hand.
_MIXED = {
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": ("integer", "string"),
    "io.k8s.apimachinery.pkg.api.resource.Quantity": ("number", "string"),
}
# Keys of a list map may be left out where the type has a default for them.
_KEY_DEFAULTS = {"protocol": "TCP"}

ListType = Literal["atomic", "map", "set"]


@cache
def _packed(stem: str) -> Object:
    packed = Path(__file__).with_name("data").joinpath(f"{stem}.json.gz").read_bytes()
    loaded: Object = orjson.loads(gzip.decompress(packed))
    return loaded


def definition(name: str) -> Object:
    """The raw schema of a built-in type by its full name. KeyError."""
    found = _packed("defs").get(name)
    if found is None:
        found = _packed("stored_only")[name]
    raw: Object = found
    return raw


@cache
def builtin(name: str) -> Schema:
    """The schema of a built-in type by its full name, e.g. `io.k8s.api.core.v1.Pod`."""
    return Schema(None, name)


def custom(raw: Object | None) -> Schema:
    """The schema of a custom resource: what its author wrote, plus what every object has."""
    written = raw or {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    common = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"$ref": OBJECT_META},
    }
    return Schema({**written, "properties": {**written.get("properties", {}), **common}})


class Schema:
    """One place of a schema. `name` is the full name of a built-in type, "" for an inline or custom one."""

    def __init__(self, raw: Object | None, name: str = "", *, native: bool | None = None) -> None:
        """Without `raw` it is what the name means, looked up when somebody asks."""
        self._raw = raw
        self.name = name
        # Inside a built-in type; those are decoded into Go structs, not validated by their schema.
        self.native = bool(name) if native is None else native

    @cached_property
    def raw(self) -> Object:
        return definition(self.name) if self._raw is None else self._raw

    def _at(self, raw: Object) -> Schema:
        reference = raw.get("$ref")
        if not isinstance(reference, str):
            return Schema(raw, native=self.native)
        siblings = {word: value for word, value in raw.items() if word.startswith("x-kubernetes-")}
        if not siblings:
            return builtin(reference)
        return Schema({**definition(reference), **siblings}, reference)

    @cached_property
    def properties(self) -> dict[str, Schema]:
        children = {name: self._at(child) for name, child in self.raw.get("properties", {}).items()}
        if self.raw.get("x-kubernetes-embedded-resource"):
            for name, child in custom(None).properties.items():
                children.setdefault(name, child)
        return children

    @cached_property
    def additional(self) -> Schema | None:
        """The schema of the values of a map."""
        raw = self.raw.get("additionalProperties")
        return self._at(raw) if isinstance(raw, dict) else None

    @cached_property
    def items(self) -> Schema | None:
        raw = self.raw.get("items")
        return self._at(raw) if isinstance(raw, dict) else None

    @cached_property
    def alternatives(self) -> dict[str, list[Schema]]:
        """The schemas below `oneOf`, `anyOf`, `allOf` and `not`."""
        found = {
            word: [Schema(raw) for raw in self.raw.get(word, ())] for word in ("oneOf", "anyOf", "allOf")
        }
        found["not"] = [Schema(self.raw["not"])] if "not" in self.raw else []
        return {word: schemas for word, schemas in found.items() if schemas}

    def child(self, name: str) -> Schema | None:
        """The schema of one field, None when it is unknown or anything goes."""
        return self.properties.get(name) or self.additional

    @cached_property
    def types(self) -> tuple[str, ...]:
        """The JSON types allowed here; empty when any is."""
        if mixed := _MIXED.get(self.name):
            return mixed
        if self.raw.get("x-kubernetes-int-or-string"):
            return ("integer", "string")
        kind = self.raw.get("type")
        if kind is None:
            return ()
        return tuple(kind) if isinstance(kind, list) else (kind,)

    @cached_property
    def is_open(self) -> bool:
        """Unknown fields are kept here."""
        if self.raw.get("x-kubernetes-preserve-unknown-fields"):
            return True
        if self.raw.get("additionalProperties") is True:
            return True
        return self.native and not self.properties and self.additional is None

    @cached_property
    def list_type(self) -> ListType:
        """`x-kubernetes-list-type`: how server-side apply merges the list."""
        declared = self.raw.get("x-kubernetes-list-type")
        if declared in ("map", "set"):
            return "map" if declared == "map" else "set"
        if declared is None and self.merges and self.merge_key:
            return "map"
        return "atomic"

    @cached_property
    def list_keys(self) -> tuple[str, ...]:
        declared = self.raw.get("x-kubernetes-list-map-keys")
        if declared:
            return tuple(declared)
        return (self.merge_key,) if self.merge_key else ()

    @cached_property
    def atomic_map(self) -> bool:
        return self.raw.get("x-kubernetes-map-type") == "atomic"

    @cached_property
    def merge_key(self) -> str | None:
        """The field that identifies a list item in a strategic merge patch."""
        key = self.raw.get("x-kubernetes-patch-merge-key")
        return str(key) if key else None

    @cached_property
    def merges(self) -> bool:
        return "merge" in (self.raw.get("x-kubernetes-patch-strategy") or "").split(",")

    @cached_property
    def has_defaults(self) -> bool:
        """Some field below has a default value."""
        return not self.native and _mentions_default(self.raw)

    @cached_property
    def formats(self) -> dict[str, str]:
        """The formats of the strings below, by the names of the fields that hold them."""
        return dict(_formats(self.raw))

    def item_key(self, item: Json) -> Object:
        """The key of an item of a list map."""
        if not isinstance(item, dict):
            return {}
        return {key: item.get(key, _KEY_DEFAULTS.get(key)) for key in self.list_keys}


def _formats(raw: object) -> Iterator[tuple[str, str]]:
    if isinstance(raw, dict):
        for name, child in (raw.get("properties") or {}).items():
            if isinstance(child, dict) and isinstance(child.get("format"), str):
                yield name, child["format"]
            yield from _formats(child)
        for word in ("items", "additionalProperties"):
            yield from _formats(raw.get(word))


def _mentions_default(raw: object) -> bool:
    if isinstance(raw, dict):
        return "default" in raw or any(_mentions_default(child) for child in raw.values())
    return isinstance(raw, list) and any(_mentions_default(child) for child in raw)


def prune(value: Json, schema: Schema | None, path: str = "") -> list[str]:
    """Drops, in place, the fields that the schema does not know; returns their paths."""
    unknown: list[str] = []
    if schema is not None:
        _prune(value, schema, path, unknown)
    return unknown


def _prune(value: Json, schema: Schema, path: str, unknown: list[str]) -> None:
    if isinstance(value, dict):
        properties, additional = schema.properties, schema.additional
        for name in list(value):
            child = properties.get(name) or additional
            if child is not None:
                item = value[name]
                if isinstance(item, dict | list):
                    _prune(item, child, f"{path}.{name}" if path else name, unknown)
            elif not schema.is_open:
                unknown.append(f"{path}.{name}" if path else name)
                del value[name]
    elif isinstance(value, list) and schema.items is not None:
        for index, item in enumerate(value):
            if isinstance(item, dict | list):
                _prune(item, schema.items, f"{path}[{index}]", unknown)


def apply_defaults(value: Json, schema: Schema | None) -> None:
    """Fills in, in place, the defaults that a custom resource's schema declares."""
    if schema is None or not schema.has_defaults:
        return
    if isinstance(value, dict):
        for name, child in schema.properties.items():
            if "default" not in child.raw:
                continue
            # A null that the schema does not allow gives way to the default.
            if name not in value or (value[name] is None and not child.raw.get("nullable")):
                value[name] = clone(child.raw["default"])
        for name, item in value.items():
            apply_defaults(item, schema.child(name))
    elif isinstance(value, list):
        for item in value:
            apply_defaults(item, schema.items)
