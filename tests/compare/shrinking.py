"""Makes a document smaller as long as what is said of it stays true."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from tests.compare.api_server import Document

SIMPLER = ("a", "x-a")
"""What is put in the place of a text."""
TOGETHER = 16


async def smallest(document: Document, still: Callable[[Document], Awaitable[bool]]) -> Document:
    """A document of which `still` is true, though of none that is one step smaller; true of the first."""
    while True:
        steps = [{**document, "spec": spec} for spec in _smaller(document["spec"])]
        steps += [
            {**document, "metadata": {**document["metadata"], **change}} for change in _plainer(document)
        ]
        for start in range(0, len(steps), TOGETHER):
            some = steps[start : start + TOGETHER]
            true = await asyncio.gather(*map(still, some))
            if any(true):
                document = some[true.index(True)]
                break
        else:
            return document


def _plainer(document: Document) -> Iterator[dict[str, Any]]:
    metadata = document["metadata"]
    if metadata.get("annotations"):
        yield {"annotations": {}}
    if "." in metadata["name"]:
        yield {"name": metadata["name"].replace(".", "-")}


def _smaller(value: Any) -> Iterator[Any]:
    """All that are one step smaller; the greatest steps first."""
    if isinstance(value, dict):
        yield from ({key: kept for key, kept in value.items() if key != gone} for gone in value)
        yield from ({**value, key: step} for key, part in value.items() for step in _smaller(part))
    elif isinstance(value, list):
        yield from (value[:place] + value[place + 1 :] for place in range(len(value)))
        yield from (
            [*value[:place], step, *value[place + 1 :]]
            for place, part in enumerate(value)
            for step in _smaller(part)
        )
    elif isinstance(value, str) and len(value) > 1 and value not in SIMPLER:
        yield from (text for text in SIMPLER if len(text) < len(value))
        middle = len(value) // 2
        yield from (value[:middle], value[middle:], value[1:], value[:-1])
