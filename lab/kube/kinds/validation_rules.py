"""`x-kubernetes-validations`: the CEL rules of custom resources, of single states and of transitions.

A rule whose text somebody has put into a table is a Python predicate on `self`; any other one is evaluated as
CEL. One that this server cannot evaluate holds nothing back, and whoever creates the definition is told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from enum import Enum
from functools import partial

from lab.golang.printing import quoted
from lab.kube.errors import Cause, field_forbidden, invalid_value, required
from lab.kube.kinds import cel
from lab.kube.kinds.decoding import json_type
from lab.kube.kinds.schema import Schema
from lab.kube.objects import Json, Object

CelRules = Mapping[str, Callable[[Json], bool]]


class _Absent(Enum):
    ABSENT = "absent"


ABSENT = _Absent.ABSENT
"""In the place of an old value: there was none, or none that is known to be the same one's."""

_RULES = "x-kubernetes-validations"
_OLD = re.compile(r"\boldSelf\b")
# Strings that CEL sees as something else, and what makes that of them.
_FORMATS = {
    "byte": "base64.decode({0})",
    "date": "timestamp({0} + 'T00:00:00Z')",
    "date-time": "timestamp({0})",
    "duration": "duration({0})",
}
_KEYWORDS = (
    *("true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if"),
    *("import", "let", "loop", "package", "namespace", "return", "var", "void", "while"),
)
_ESCAPES = (("__", "__underscores__"), (".", "__dot__"), ("-", "__dash__"), ("/", "__slash__"))


def broken(
    value: Json, schema: Schema, known: CelRules, old: Json | _Absent = ABSENT, path: str = ""
) -> Iterator[Cause]:
    """The rules that a value breaks, which is right otherwise. `old` is what it takes the place of."""
    if value is None:
        return
    for validation in schema.raw.get(_RULES) or ():
        yield from _judged(validation, value, schema, known, old, path)
    if isinstance(value, dict):
        before = old if isinstance(old, dict) else {}
        for name, item in value.items():
            if (child := schema.child(name)) is not None and not child.native:
                at = f"{path}.{name}" if path else name
                yield from broken(item, child, known, before.get(name, ABSENT), at)
    elif isinstance(value, list) and schema.items is not None:
        for index, item in enumerate(value):
            yield from broken(item, schema.items, known, _same_item(schema, item, old), f"{path}[{index}]")


def _same_item(schema: Schema, item: Json, old: Json | _Absent) -> Json | _Absent:
    """What an item of a list was before: only those of a list map can be told from one another."""
    if schema.list_type != "map" or not isinstance(old, list):
        return ABSENT
    key = schema.item_key(item)
    return next((each for each in old if schema.item_key(each) == key), ABSENT)


def _judged(
    validation: Object, value: Json, schema: Schema, known: CelRules, old: Json | _Absent, path: str
) -> Iterable[Cause]:
    text = validation["rule"].strip()
    if (predicate := known.get(text)) is not None:
        return [] if predicate(value) else [_cause(validation, _said(validation), value, path)]
    optional = bool(validation.get("optionalOldSelf"))
    if old is ABSENT and _OLD.search(text) and not optional:
        return []  # about a change, and there is none
    if why_not(text, schema):
        return []
    variables = {"self": view(value, schema), "oldSelf": None if old is ABSENT else view(old, schema)}
    expression = partial(_expression, raw=schema.raw, optional=optional, absent=old is ABSENT)
    try:
        if expression(text).value(variables) is True:
            return []
        said = _said(validation, expression, variables)
    except cel.EvaluationFailed as error:
        said = f"{error} evaluating rule: {validation.get('message', '').strip() or text}"
    return [_cause(validation, said, value, path)]


def _expression(text: str, *, raw: Object, optional: bool, absent: bool) -> cel.Expression:
    """The rule, with `self` and `oldSelf` made into what CEL sees of them."""
    source = f"(\n{text}\n)"
    if optional:
        source = f"cel.bind(oldSelf, optional.{'none()' if absent else 'of(oldSelf)'}, {source})"
    if (made := _FORMATS.get(raw.get("format", ""))) is not None:
        source = f"cel.bind(self, {made.format('self')}, {source})"
        if not absent and _OLD.search(text):
            source = f"cel.bind(oldSelf, {made.format('oldSelf')}, {source})"
    return cel.compiled(source, "self", "oldSelf")


def view(value: Json, schema: Schema | None) -> Json:
    """A value as CEL sees it: fields by names that are identifiers, numbers of the declared type."""
    if schema is None:
        return value
    if isinstance(value, dict):
        declared = schema.properties
        return {
            (escaped(name) if name in declared else name): view(item, schema.child(name))
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [view(item, schema.items) for item in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        if schema.types == ("number",):
            return float(value)
        if schema.types == ("integer",):
            return int(value)
    return value


def escaped(name: str) -> str:
    """A field's name as rules write it."""
    if name in _KEYWORDS:
        return f"__{name}__"
    for text, instead in _ESCAPES:
        name = name.replace(text, instead)
    return name


def _said(
    validation: Object,
    expression: Callable[[str], cel.Expression] | None = None,
    variables: Object | None = None,
) -> str:
    """What is said of a broken rule."""
    made = validation.get("messageExpression", "").strip()
    if made and expression is not None and variables is not None:
        try:
            text = expression(made).value(variables)
            if isinstance(text, str) and text.strip() and "\n" not in text:
                return text
        except (cel.Uncompilable, cel.EvaluationFailed):
            pass  # then what is written in any case
    message: str = validation.get("message", "").strip()
    return message or f"failed rule: {validation['rule'].strip()}"


def _cause(validation: Object, said: str, value: Json, path: str) -> Cause:
    at = f"{path}{validation.get('fieldPath') or ''}".lstrip(".") or "<nil>"
    match validation.get("reason"):
        case "FieldValueRequired":
            return required(at, said)
        case "FieldValueForbidden":
            return field_forbidden(at, said)
        case "FieldValueDuplicate":
            return Cause("FieldValueDuplicate", at, f"Duplicate value: {quoted(json_type(value))}")
    return invalid_value(at, json_type(value), said)


# Definitions.


def check_rules(raw: object, path: str, known: Container[str]) -> Iterator[Cause]:
    """The rules in a raw schema that are no CEL at all."""
    for at, text, _ in _rules_of(raw, path):
        if text in known:
            continue
        try:
            cel.compiled(text, "self", "oldSelf")
        except cel.Uncompilable as error:
            if error.is_syntax:
                yield invalid_value(at, text, f"compilation failed: {error}")


def unknown_rules(raw: object, known: Container[str]) -> dict[str, str]:
    """The rules in a raw schema that this server cannot evaluate, and why."""
    rules = [(text, schema) for _, text, schema in _rules_of(raw, "") if text not in known]
    found = {text: why_not(text, Schema(schema)) for text, schema in rules}
    return {text: why for text, why in found.items() if why}


def why_not(text: str, schema: Schema) -> str:
    """What keeps this server from evaluating a rule of a schema, "" for nothing."""
    try:
        cel.compiled(text, "self", "oldSelf")
    except cel.Uncompilable as error:
        return error.why
    # Strings can be made into times and durations only where they are `self`.
    for name, kind in schema.formats.items():
        if kind in _FORMATS and re.search(rf"\b{re.escape(escaped(name))}\b", text):
            return f"{name} is of the format {kind}, and within an object"
    return ""


def _rules_of(raw: object, path: str) -> Iterator[tuple[str, str, Object]]:
    """Every rule: where it is, its text, the schema that it belongs to."""
    if isinstance(raw, dict):
        for index, validation in enumerate(raw.get(_RULES) or ()):
            if isinstance(validation, Mapping) and isinstance(validation.get("rule"), str):
                yield f"{path}.{_RULES}[{index}].rule", validation["rule"].strip(), raw
        for name, child in (raw.get("properties") or {}).items():
            yield from _rules_of(child, f"{path}.properties[{name}]")
        for word in ("items", "additionalProperties"):
            yield from _rules_of(raw.get(word), f"{path}.{word}")
        for word in ("allOf", "anyOf", "oneOf"):
            for index, child in enumerate(raw.get(word) or ()):
                yield from _rules_of(child, f"{path}.{word}[{index}]")
