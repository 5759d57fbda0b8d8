"""Validation of custom resources by their structural schema, with the messages of a real API server.

The rules are those of the dialect that CustomResourceDefinitions allow: types, enums, bounds, patterns,
oneOf/anyOf/allOf/not, nullable, int-or-string and list types. CEL rules come afterwards, in validation_rules.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from lab.golang.printing import quoted
from lab.kube.errors import Cause, duplicate, invalid_value, required, too_long, too_many, unsupported_value
from lab.kube.kinds.decoding import json_type
from lab.kube.kinds.schema import Schema
from lab.kube.objects import Json, Object


def validate(value: Json, schema: Schema, path: str = "") -> list[Cause]:
    """All errors of a value, except for violated CEL rules."""
    return _check(value, schema, path)


def _check(value: Json, schema: Schema, path: str) -> list[Cause]:
    raw = schema.raw
    found = json_type(value)
    if value is None and raw.get("nullable"):
        return []
    types = schema.types
    if types and not _has_type(value, found, types):
        return [_wrong_type(path, found, types)]
    causes: list[Cause] = []
    if "enum" in raw and value not in raw["enum"]:
        causes.append(unsupported_value(_shown(path), value, raw["enum"]))
    if found in _KEYWORDS:
        for check in _KEYWORDS[found]:
            causes += check(value, schema, path)
    for word, branches in schema.alternatives.items():
        causes += _COMBINATIONS[word]([_check(value, branch, path) for branch in branches], path)
    return causes


def _shown(path: str) -> str:
    """A field error at the root has no path; Go prints its nil."""
    return path or "<nil>"


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _has_type(value: object, found: str, types: tuple[str, ...]) -> bool:
    if found in types or (found == "integer" and "number" in types):
        return True
    return isinstance(value, float) and "integer" in types and value.is_integer()


def _wrong_type(path: str, found: str, types: tuple[str, ...]) -> Cause:
    wanted = types[0] if len(types) == 1 else ",".join(types)
    detail = f'{path} in body must be of type {wanted}: "{found}"'
    return Cause("FieldValueTypeInvalid", _shown(path), f'Invalid value: "{found}": {detail}')


def _string(value: str, schema: Schema, path: str) -> Iterable[Cause]:
    raw = schema.raw
    if (limit := raw.get("maxLength")) is not None and len(value) > limit:
        yield too_long(_shown(path), limit)
    if (limit := raw.get("minLength")) is not None and len(value) < limit:
        yield invalid_value(_shown(path), value, f"{path} in body should be at least {limit} chars long")
    if (pattern := raw.get("pattern")) is not None and not _compiled(pattern).search(value):
        yield invalid_value(_shown(path), value, f"{path} in body should match '{pattern}'")


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    # Go's `$` and `\z` match at the very end only; Python's `$` also before a last line break.
    translated = re.sub(r"(?<!\\)\$$", r"\\Z", pattern.replace(r"\z", r"\Z"))
    return re.compile(translated)


def _number(value: float, schema: Schema, path: str) -> Iterable[Cause]:
    raw = schema.raw
    below = raw.get("exclusiveMinimum")
    above = raw.get("exclusiveMaximum")
    if (bound := raw.get("minimum")) is not None and (value < bound or (below is True and value == bound)):
        word = "greater than" if below is True else "greater than or equal to"
        yield invalid_value(_shown(path), value, f"{path} in body should be {word} {bound}")
    if (bound := raw.get("maximum")) is not None and (value > bound or (above is True and value == bound)):
        word = "less than" if above is True else "less than or equal to"
        yield invalid_value(_shown(path), value, f"{path} in body should be {word} {bound}")
    if (factor := raw.get("multipleOf")) and not math.isclose(value / factor, round(value / factor)):
        yield invalid_value(_shown(path), value, f"{path} in body should be a multiple of {factor}")


def _array(value: list[Json], schema: Schema, path: str) -> Iterable[Cause]:
    raw = schema.raw
    if (limit := raw.get("maxItems")) is not None and len(value) > limit:
        yield too_many(_shown(path), len(value), limit)
    if (limit := raw.get("minItems")) is not None and len(value) < limit:
        yield invalid_value(_shown(path), len(value), f"{path} in body should have at least {limit} items")
    if schema.items is not None:
        for index, item in enumerate(value):
            yield from _check(item, schema.items, f"{path}[{index}]")
    yield from _repeated(value, schema, path)


def _repeated(value: list[Json], schema: Schema, path: str) -> Iterable[Cause]:
    if schema.list_type == "atomic" and not schema.raw.get("uniqueItems"):
        return
    seen: list[Json] = []
    for index, item in enumerate(value):
        identity = schema.item_key(item) if schema.list_type == "map" else item
        if identity in seen:
            yield duplicate(f"{path}[{index}]", identity)
        seen.append(identity)


def _object(value: Object, schema: Schema, path: str) -> Iterable[Cause]:
    raw = schema.raw
    for name in raw.get("required", ()):
        if name not in value:
            yield required(_join(path, name))
    if (limit := raw.get("maxProperties")) is not None and len(value) > limit:
        yield too_many(_shown(path), len(value), limit)
    if (limit := raw.get("minProperties")) is not None and len(value) < limit:
        detail = f"{path} in body should have at least {limit} properties"
        yield invalid_value(_shown(path), len(value), detail)
    for name, item in value.items():
        # What is native (the metadata) has been decoded already.
        if (child := schema.child(name)) is not None and not child.native:
            yield from _check(item, child, _join(path, name))


_KEYWORDS: dict[str, tuple[Callable[[Any, Schema, str], Iterable[Cause]], ...]] = {
    "string": (_string,),
    "integer": (_number,),
    "number": (_number,),
    "array": (_array,),
    "object": (_object,),
}


def _combined(path: str, message: str) -> Cause:
    # The server reports these without a field: "<nil>" and an empty value.
    return Cause("FieldValueInvalid", "<nil>", f'Invalid value: "": {quoted(path)} {message}')


def _one_of(branches: list[list[Cause]], path: str) -> list[Cause]:
    passed = sum(not causes for causes in branches)
    if passed == 1:
        return []
    if passed == 0:
        message = "must validate one and only one schema (oneOf). Found none valid"
        return [_combined(path, message), *min(branches, key=len)]
    message = f"must validate one and only one schema (oneOf). Found {passed} valid alternatives"
    return [_combined(path, message)]


def _any_of(branches: list[list[Cause]], path: str) -> list[Cause]:
    if any(not causes for causes in branches):
        return []
    return [_combined(path, "must validate at least one schema (anyOf)"), *min(branches, key=len)]


def _all_of(branches: list[list[Cause]], path: str) -> list[Cause]:
    wrong = [cause for causes in branches for cause in causes]
    return [_combined(path, "must validate all the schemas (allOf)"), *wrong] if wrong else []


def _not(branches: list[list[Cause]], path: str) -> list[Cause]:
    return [] if branches[0] else [_combined(path, "must not validate the schema (not)")]


_COMBINATIONS: dict[str, Callable[[list[list[Cause]], str], list[Cause]]] = {
    "allOf": _all_of,
    "anyOf": _any_of,
    "oneOf": _one_of,
    "not": _not,
}
