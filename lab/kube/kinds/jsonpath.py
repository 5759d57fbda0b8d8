"""The JSONPath of printer columns: fields, indexes, `[*]`, and filters by one equality."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from lab.kube.objects import Json

_STEP = re.compile(
    r"\.(?P<field>(?:[^.\[\]\\]|\\.)+)"
    r"|\[(?P<index>-?\d+|\*)\]"
    r"|\['(?P<quoted>[^']+)'\]"
    r"|\[\?\(@\.(?P<key>[\w.-]+)\s*==\s*[\"'](?P<wanted>[^\"']*)[\"']\)\]"
)

Step = Callable[[list[Json]], list[Json]]


def find(obj: Json, path: str) -> list[Json]:
    """All values at a path such as `.status.conditions[?(@.type=="Ready")].status`."""
    found = [obj]
    for step in compile_path(path):
        found = step(found)
    return found


@cache
def compile_path(path: str) -> tuple[Step, ...]:
    """Raises ValueError for what is not such a path."""
    text = path.strip().removeprefix("{").removesuffix("}").removeprefix("$")
    if text and text[0] not in ".[":
        text = f".{text}"
    steps: list[Step] = []
    position = 0
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None:
            raise ValueError(f"unsupported JSONPath {path!r}")
        steps.append(_step(match))
        position = match.end()
    return tuple(steps)


def _step(match: re.Match[str]) -> Step:
    if match["key"]:
        key, wanted = match["key"], match["wanted"]
        return lambda found: [
            item
            for value in found
            if isinstance(value, list)
            for item in value
            if isinstance(item, dict) and item.get(key) == wanted
        ]
    if match["index"] == "*":
        return lambda found: [item for value in found if isinstance(value, list) for item in value]
    if match["index"]:
        index = int(match["index"])
        return lambda found: [
            value[index] for value in found if isinstance(value, list) and -len(value) <= index < len(value)
        ]
    name = match["quoted"] or re.sub(r"\\(.)", r"\1", match["field"])
    return lambda found: [value[name] for value in found if isinstance(value, dict) and name in value]
