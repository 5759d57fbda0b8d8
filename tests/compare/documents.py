"""Documents of the kinds that are compared, from a seed, by the schemas of their definitions."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.compare.api_server import Document
from tests.mesh.config.odd_objects import Odd, Taste

KINDS = {
    "peerauthentications.security.istio.io": 2,
    "requestauthentications.security.istio.io": 3,
    "authorizationpolicies.security.istio.io": 5,
    "destinationrules.networking.istio.io": 4,
    "gateways.networking.istio.io": 3,
    "virtualservices.networking.istio.io": 6,
}
"""The names of the definitions, with how often each is made."""

TASTES = tuple(
    Taste(sound, misshapen)
    for sound in (1.0, 1.0, 0.98, 0.95, 0.8, 0.4, 0.0)
    for misshapen in (0.0, 0.0, 0.0, 0.02, 0.1)
)
NAMES = ("odd", "odd", "odd", "odd", "odd.example")
ANNOTATIONS: tuple[dict[str, str], ...] = (
    {"istio.io/dry-run": "true"},
    {"istio.io/dry-run": "yes"},
    {"istio.io/dry-run": ""},
    {"internal.istio.io/parents": "a"},
    {"example.com/a": "b"},
)
NAMESPACE = "default"


@dataclass(frozen=True, eq=False)
class Kind:
    """What is made."""

    plural: str
    api_version: str
    name: str
    schema: Mapping[str, Any]

    @classmethod
    def of(cls, definition: Document) -> Kind:
        spec = definition["spec"]
        version = next(each for each in spec["versions"] if each["storage"])
        return cls(
            plural=spec["names"]["plural"],
            api_version=f"{spec['group']}/{version['name']}",
            name=spec["names"]["kind"],
            schema=version["schema"]["openAPIV3Schema"]["properties"]["spec"],
        )


class Documents:
    """The same for the same seed and the same definitions."""

    def __init__(self, kinds: Mapping[Kind, int], seed: int) -> None:
        self._random = random.Random(seed)
        self._kinds, self._weights = list(kinds), list(kinds.values())

    def next(self) -> tuple[Kind, Document]:
        pick = self._random
        kind = pick.choices(self._kinds, self._weights)[0]
        metadata: Document = {"name": pick.choice(NAMES), "namespace": NAMESPACE}
        if pick.random() < 0.05:
            metadata["annotations"] = pick.choice(ANNOTATIONS)
        spec = Odd(pick, pick.choice(TASTES)).spec(kind.schema)
        return kind, {"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata, "spec": spec}
