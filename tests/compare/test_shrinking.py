"""A difference is printed as small as it can be."""

from __future__ import annotations

from tests.compare.api_server import Document
from tests.compare.shrinking import smallest


async def test_what_does_not_matter_goes() -> None:
    document: Document = {
        "kind": "X",
        "metadata": {"name": "a.b", "annotations": {"c": "d"}},
        "spec": {"rules": [{"to": [1]}, {"paths": ["/lo{**}text", "b"], "from": {}}], "more": {"a": "b"}},
    }

    async def still(candidate: Document) -> bool:
        return "{**}" in str(candidate["spec"])

    assert await smallest(document, still) == {
        "kind": "X",
        "metadata": {"name": "a-b", "annotations": {}},
        "spec": {"rules": [{"paths": ["{**}"]}]},
    }
