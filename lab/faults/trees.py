"""Walking Envoy's messages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def messages(tree: Any) -> Iterator[dict[str, Any]]:
    """Every message in a tree of messages, outer ones first."""
    if isinstance(tree, dict):
        yield tree
        for value in list(tree.values()):
            yield from messages(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from messages(value)
