"""Content negotiation: the format of a response, by the `Accept` header."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal

from lab.kube.errors import not_acceptable

_JSON = ("application/json", "application/*", "*/*", "")
_YAML = "application/yaml"


@dataclass(frozen=True)
class Accepted:
    """`shape` is "" for the objects themselves, or Table, PartialObjectMetadata and the like."""

    media: Literal["json", "yaml"] = "json"
    shape: str = ""
    parameters: dict[str, str] = field(default_factory=dict)


def negotiate(header: str | None, shapes: Collection[str] = ()) -> Accepted:
    """The first acceptable form that the server has; `shapes` are those on offer here. Raises a 406."""
    if not header:
        return Accepted()
    for part in header.split(","):
        media, *rest = (piece.strip() for piece in part.split(";"))
        parameters = dict(piece.split("=", 1) for piece in rest if "=" in piece)
        shape = parameters.get("as", "")
        if shape and shape not in shapes:
            continue
        if media in _JSON:
            return Accepted("json", shape, parameters)
        if media == _YAML and not shape:
            return Accepted("yaml")
    raise not_acceptable(("application/json", "application/yaml"))
