"""How a built-in kind is declared."""

from __future__ import annotations

from typing import Any

from lab.kube.kinds.resources import Column, Resource
from lab.kube.kinds.schema import builtin


def native(
    schema: str, group: str, plural: str, columns: tuple[Column, ...], *, version: str = "v1", **more: Any
) -> Resource:
    """A kind by the full name of its schema; `more` are fields of `Resource`."""
    kind = schema.rsplit(".", 1)[1]
    more.setdefault("singular", kind.lower())
    more.setdefault("list_kind", f"{kind}List")
    return Resource(group, version, plural, kind, builtin(schema), columns=columns, **more)
