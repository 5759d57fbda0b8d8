"""Decodes JSON into built-in types as Go does: a wrong type is a 400, null is dropped."""

from __future__ import annotations

import re
from collections.abc import Callable

from lab.kube.errors import ApiError, bad_request
from lab.kube.kinds.schema import Schema
from lab.kube.objects import Json, Object

_GO_SCALARS = {
    ("integer", "int32"): "int32",
    ("integer", "int64"): "int64",
    ("integer", None): "int64",
    ("number", None): "float64",
    ("boolean", None): "bool",
}
_ZERO: dict[str, Callable[[], Json]] = {
    "boolean": bool,
    "integer": int,
    "number": float,
    "string": str,
    "object": dict,
}
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


class _WrongTypeError(Exception):
    """A value that does not fit; carries the decoder's words."""


def decode(kind: str, version: str, obj: Object, schema: Schema) -> None:
    """Checks the types of all known fields and drops nulls, in place. Raises a 400 in the decoder's words."""
    try:
        _decode(obj, schema, kind, "")
    except _WrongTypeError as error:
        raise cannot_handle(kind, version, str(error)) from None


def cannot_handle(kind: str, version: str, why: str) -> ApiError:
    return bad_request(f'{kind} in version "{version}" cannot be handled as a {kind}: {why}')


def _decode(value: Json, schema: Schema, struct: str, path: str) -> None:
    types = schema.types
    found = json_type(value)
    if types and not _fits(found, value, types):
        shown = {"integer": "number", "boolean": "bool"}.get(found, found)
        if found in ("integer", "number") and "integer" in types:
            shown = f"number {value}"
        raise _WrongTypeError(
            f"json: cannot unmarshal {shown} into Go struct field {struct}.{path} of type {_go_type(schema)}"
        )
    if isinstance(value, dict):
        inner = schema.name.rsplit(".", 1)[-1] if schema.name else struct
        for name in list(value):
            if value[name] is None:
                if not schema.is_open:
                    del value[name]
                continue
            child = schema.child(name)
            if child is not None:
                _decode(value[name], child, inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        if schema.items is not None:
            for index, item in enumerate(value):
                if item is None and not schema.items.is_open:
                    # Go reads a null element as the type's zero value.
                    value[index] = _zero(schema.items)
                _decode(value[index], schema.items, struct, path)
    elif isinstance(value, str) and schema.raw.get("format") == "date-time" and not _TIME.fullmatch(value):
        raise _WrongTypeError(
            f'parsing time "{value}" as "2006-01-02T15:04:05Z07:00": cannot parse "{value}" as "2006"'
        )


def _zero(schema: Schema) -> Json:
    return _ZERO.get(schema.types[0] if schema.types else "object", list)()


def _fits(found: str, value: object, types: tuple[str, ...]) -> bool:
    if found in types:
        return not isinstance(value, int) or -(2**63) <= value < 2**63
    return found == "integer" and "number" in types


def json_type(value: object) -> str:
    """The JSON Schema type of a value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def _go_type(schema: Schema) -> str:
    if schema.name:
        *_, package, name = ("", *schema.name.split("."))
        return f"{package}.{name}"
    kind = schema.types[0] if schema.types else "object"
    if kind == "array":
        return f"[]{_go_type(schema.items)}" if schema.items else "[]interface {}"
    if kind == "object":
        return f"map[string]{_go_type(schema.additional)}" if schema.additional else "map[string]interface {}"
    return _GO_SCALARS.get((kind, schema.raw.get("format"))) or _GO_SCALARS.get((kind, None)) or kind
