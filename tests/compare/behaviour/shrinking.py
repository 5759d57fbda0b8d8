"""The smallest set of policies that still shows a difference."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

Object = dict[str, Any]
Path = tuple[str | int, ...]

KEPT = ("apiVersion", "kind", "name", "namespace", "key", "host", "issuer", "jwks", "number", "mode")
"""Without these nothing would be left to look at."""


def shrunk(objects: list[Object], still: Callable[[list[Object]], bool], looks: int = 80) -> list[Object]:
    """Leaves out policies, then fields and items, as long as it is `still` so; looks so often at the most."""
    smallest = objects
    tried: list[list[Object]] = []
    found = True
    while found:
        found = False
        for smaller in _smaller(smallest):
            if len(tried) == looks:
                return smallest
            if smaller in tried:
                continue
            tried.append(smaller)
            if still(smaller):
                smallest, found = smaller, True
                break
    return smallest


def _smaller(objects: list[Object]) -> Iterator[list[Object]]:
    """With one thing less, the largest first."""
    if len(objects) > 1:
        for number in range(len(objects)):
            yield objects[:number] + objects[number + 1 :]
    paths = [(number, *path) for number, obj in enumerate(objects) for path in _parts(obj)]
    for path in sorted(paths, key=len):
        yield _without(objects, path)


def _parts(value: Any, path: Path = ()) -> Iterator[Path]:
    items: Iterator[tuple[str | int, Any]]
    if isinstance(value, dict):
        items = iter(value.items())
    elif isinstance(value, list):
        items = enumerate(value)
    else:
        return
    for key, part in items:
        if key in KEPT:
            continue
        if path or key not in ("metadata", "spec"):
            yield (*path, key)
        yield from _parts(part, (*path, key))


def _without(objects: list[Object], path: Path) -> list[Object]:
    rest = copy.deepcopy(objects)
    part: Any = rest
    for key in path[:-1]:
        part = part[key]
    del part[path[-1]]
    return rest
