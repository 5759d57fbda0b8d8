"""The list of faults as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import groupby

from lab.faults.registry import Fault


def as_text(faults: Sequence[Fault]) -> str:
    """A paragraph a section of a document, a line a fault."""
    width = max(len(fault.name) for fault in faults)
    paragraphs = []
    for (document, section), members in groupby(faults, key=lambda each: (each.document, each.section)):
        lines = [f"{section} ({document})"] if section else []
        lines += [f"  {fault.name:<{width}}  {fault.sentence}" for fault in members]
        paragraphs.append("\n".join(lines))
    return "\n\n".join(paragraphs)


def as_json(faults: Iterable[Fault]) -> str:
    """A list of objects: name, document, section, sentence, meshes."""
    return json.dumps(
        [
            {
                "name": fault.name,
                "document": fault.document,
                "section": fault.section,
                "sentence": fault.sentence,
                "meshes": list(fault.meshes),
            }
            for fault in faults
        ],
        indent=2,
    )
