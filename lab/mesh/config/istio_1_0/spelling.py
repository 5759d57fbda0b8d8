"""Both spellings of a field: protobuf's JSON takes `peer_is_optional` as well as `peerIsOptional`.

Source: the JSON mapping of Protocol Buffers. The manifests of Istio 1.0 have the one with underscores.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lab.kube.client import Json, Object


def with_underscores(name: str) -> str:
    """``peer_is_optional`` of ``peerIsOptional``."""
    return re.sub(r"[A-Z]", lambda letter: f"_{letter[0].lower()}", name)


def with_capitals(name: str) -> str:
    """``peerIsOptional`` of ``peer_is_optional``."""
    return re.sub(r"_([a-z])", lambda letter: letter[1].upper(), name)


def canonical(part: Object) -> Object:
    """A part of a policy with every field in the spelling with capitals."""
    return {with_capitals(name): _canonical(value) for name, value in part.items()}


def _canonical(value: Json) -> Json:
    if isinstance(value, dict):
        return canonical(value)
    return [_canonical(each) for each in value] if isinstance(value, list) else value


def doubled(value: Json) -> Iterator[str]:
    """The fields that a part of a policy has in both spellings."""
    if isinstance(value, dict):
        yield from (name for name in value if "_" in name and with_capitals(name) in value)
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from doubled(each)


def in_both(schema: Object) -> Object:
    """The schema of a part of a policy, for both spellings."""
    both = dict(schema)
    if "properties" in schema:
        known = {name: in_both(each) for name, each in schema["properties"].items()}
        both["properties"] = known | {with_underscores(name): each for name, each in known.items()}
    if "items" in schema:
        both["items"] = in_both(schema["items"])
    return both
