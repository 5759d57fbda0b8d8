"""Label and field selectors of lists and watches, and the label selectors inside objects."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from lab.kube.errors import bad_request
from lab.kube.kinds.resources import Resource
from lab.kube.objects import Object

Labels = Mapping[str, str]
Predicate = Callable[[Object], bool]

_KEY = r"(?:[A-Za-z0-9](?:[-A-Za-z0-9.]*[A-Za-z0-9])?/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?"
_VALUE = r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)?"
_SET = re.compile(rf"({_KEY})\s+(in|notin)\s*\(([^()]*)\)")
_EQUAL = re.compile(rf"({_KEY})\s*(==|!=|=)\s*({_VALUE})")
_EXISTS = re.compile(rf"(!?)\s*({_KEY})")
_SPLIT = re.compile(r",(?![^()]*\))")
_FIELD = re.compile(r"([\w.]+)(==|!=|=)(.*)", re.DOTALL)


def label_predicate(selector: str) -> Callable[[Labels], bool]:
    """Parses `app=web,tier in (a,b),!old`. Raises a 400 for what is not a selector."""
    requirements = [_label_requirement(part.strip(), selector) for part in _split(selector)]
    return lambda labels: all(holds(labels) for holds in requirements)


def _split(selector: str) -> list[str]:
    return _SPLIT.split(selector) if selector.strip() else []


def _label_requirement(text: str, selector: str) -> Callable[[Labels], bool]:
    if match := _SET.fullmatch(text):
        key, operator = match[1], match[2]
        values = {value.strip() for value in match[3].split(",")}
        if operator == "in":
            return lambda labels: key in labels and labels[key] in values
        return lambda labels: key not in labels or labels[key] not in values
    if match := _EQUAL.fullmatch(text):
        key, operator, value = match.groups()
        if operator == "!=":
            return lambda labels: labels.get(key) != value
        return lambda labels: labels.get(key) == value
    if match := _EXISTS.fullmatch(text):
        absent, key = bool(match[1]), match[2]
        return lambda labels: (key in labels) != absent
    raise bad_request(
        f'unable to parse requirement: found "{text}", expected: a label selector in "{selector}"'
    )


def field_predicate(selector: str, resource: Resource) -> Predicate:
    """Parses `metadata.name=web,status.phase!=Running`. Raises a 400 for a field the kind does not offer."""
    requirements = [_field_requirement(part, selector, resource) for part in selector.split(",") if part]
    return lambda obj: all(holds(obj) for holds in requirements)


def _field_requirement(text: str, selector: str, resource: Resource) -> Predicate:
    match = _FIELD.fullmatch(text)
    if match is None:
        raise bad_request(f"invalid selector: '{selector}'; can't understand '{text}'")
    field, operator, wanted = match.groups()
    if field not in ("metadata.name", "metadata.namespace", *resource.fields):
        raise bad_request(f"field label not supported: {field}")
    steps, equal = field.split("."), operator != "!="
    return lambda obj: (_text_at(obj, steps) == wanted) == equal


def _text_at(obj: object, steps: list[str]) -> str:
    for step in steps:
        obj = obj.get(step) if isinstance(obj, dict) else None
    if isinstance(obj, bool):
        return "true" if obj else "false"
    # An event's `source` is selected by its component.
    if isinstance(obj, dict):
        obj = obj.get("component")
    return "" if obj is None else str(obj)


_OPERATORS: dict[str, Callable[[str, list[str], Labels], bool]] = {
    "In": lambda key, values, labels: key in labels and labels[key] in values,
    "NotIn": lambda key, values, labels: key not in labels or labels[key] not in values,
    "Exists": lambda key, _values, labels: key in labels,
    "DoesNotExist": lambda key, _values, labels: key not in labels,
}


def match_label_selector(selector: Object, labels: Labels) -> bool:
    """Whether the LabelSelector of an object selects these labels. An empty one selects everything."""
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    for expression in selector.get("matchExpressions") or []:
        holds = _OPERATORS.get(expression.get("operator", ""))
        if holds is None or not holds(expression.get("key", ""), expression.get("values") or [], labels):
            return False
    return True
