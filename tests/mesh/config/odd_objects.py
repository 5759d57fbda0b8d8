"""Objects of every kind that users declare, with values that are odd on purpose, from a seed."""

from __future__ import annotations

import random
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from tests.mesh.config.odd_values import (
    EXCLUSIVE,
    KEYED,
    NAMED,
    ODDLY_SELECTED,
    SELECTED,
    SOUND,
    SOUND_TEXTS,
    TEXTS,
    UNSOUND,
)

Schema = Mapping[str, Any]

DEPTH = 12
OFTEN = 0.93

SELDOM_LEFT_OUT = frozenset(
    """
    servers port hosts http gateways route rules jwtRules jwks issuer host trafficPolicy
    matches backendRefs destination number name protocol hostnames path match uri regex
    source operation ipBlocks paths values sniHosts group
    """.split()  # noqa: SIM905 - easier to read
)
"""Fields without which there is little to configure, or which admission demands beyond their schema."""

NUMBERS = (-1, 0, 1, 80, 100, 101, 200, 302, 503, 599, 600, 8000, 65535, 65536, 1 << 31, 1 << 32)
FRACTIONS = (0.5, 0.00001, 0.0001, 100.5, -0.5)
SHAPES: tuple[Any, ...] = (None, {}, [], "", "x", 0, 1.5, True, [None], [{}], {"a": 1})
"""What is put where the schema says something else, or nothing."""


@dataclass(frozen=True)
class Taste:
    """How odd an object shall be."""

    sound: float = 0.0
    """How often a value is one that nobody refuses, if such are known for its field."""
    misshapen: float = 0.0
    """How often a value has another type than it ought to, or is empty, or is of an unknown field."""
    left_out: Collection[str] = ()
    """Fields that lead away from what is looked at."""


class Odd:
    """Generates values for schemas of resource definitions."""

    def __init__(self, random_: random.Random, taste: Taste) -> None:
        self._random = random_
        self._taste = taste

    def spec(self, schema: Schema) -> Any:
        """One that a definition may take; what admission says of it is another matter."""
        return self._value(schema, "spec", DEPTH)

    def _value(self, schema: Schema, name: str, depth: int) -> Any:
        pick = self._random
        if pick.random() < self._taste.misshapen:
            return pick.choice(SHAPES)
        if "enum" in schema:
            sound = [each for each in SOUND.get(name, ()) if each in schema["enum"]]
            return pick.choice(sound if sound and self._is_sound() else schema["enum"])
        kind = schema.get("type")
        if kind == "object":
            return self._object(schema, name, depth)
        if kind == "array":
            count = pick.choice((1, 1, 1, 2, 3))
            return [self._value(schema["items"], name, depth - 1) for _ in range(count)]
        if kind == "boolean":
            return pick.random() < 0.5
        if kind in ("integer", "number"):
            return self._number(schema, kind, name)
        if kind is None and schema.get("x-kubernetes-int-or-string"):
            return pick.choice((80, "80", "a", -1))
        return self._text(schema, name, NAMED.get(name, TEXTS))

    def _is_sound(self) -> bool:
        return self._random.random() < self._taste.sound

    def _number(self, schema: Schema, kind: str, name: str) -> int | float:
        pick = self._random
        sound: list[int] = [each for each in SOUND.get(name, ()) if isinstance(each, int)]
        if sound and self._is_sound():
            return pick.choice(sound)
        low, high = schema.get("minimum", 0), schema.get("maximum", 1 << 16)
        among: list[int | float] = [low, high, *(n for n in NUMBERS if low <= n <= high)]
        if kind == "number":
            among += [n for n in FRACTIONS if low <= n <= high]
        elif not self._is_sound() and pick.random() < 0.1:
            among = [*NUMBERS]
        return pick.choice(among)

    def _text(self, schema: Schema, name: str, pool: tuple[str, ...]) -> str:
        pick = self._random
        if self._is_sound():
            return pick.choice(SOUND.get(name, pool[:SOUND_TEXTS]))
        if pick.random() > OFTEN:
            pool = TEXTS
        pattern = schema.get("pattern", "")
        return pick.choice([text for text in pool if re.search(pattern, text)] or pool)

    def _object(self, schema: Schema, name: str, depth: int) -> Any:
        pick = self._random
        if name == "matchLabels":
            odd = not self._is_sound() and pick.random() < 0.2
            return dict(pick.choice(ODDLY_SELECTED if odd else SELECTED))
        if more := schema.get("additionalProperties"):
            keys = KEYED.get(name, TEXTS)
            inner = "value" if name != "portLevelMtls" else name
            inner = "weight" if name == "to" else inner
            return {
                self._text({}, name, keys): self._value(more, inner, depth - 1)
                for _ in range(pick.choice((1, 2)))
            }
        properties: Mapping[str, Schema] = schema.get("properties", {})
        alternatives = _alternatives(schema)
        chosen = set(schema.get("required", ()))
        if alternatives:
            chosen.add(pick.choice(alternatives))
        chosen |= {
            name
            for name in sorted(SELDOM_LEFT_OUT & properties.keys() - set(alternatives))
            if depth > 0 and pick.random() < OFTEN
        }
        free = sorted(properties.keys() - chosen - set(alternatives))
        if depth > 0 and free:
            chosen |= set(pick.sample(free, min(len(free), pick.choice((0, 1, 1, 2, 2, 3)))))
        chosen -= set(self._taste.left_out)
        if self._is_sound():
            chosen -= UNSOUND
            for names in EXCLUSIVE:
                chosen -= set(pick.sample(there := sorted(chosen & set(names)), max(0, len(there) - 1)))
        made = {field: self._value(properties[field], field, depth - 1) for field in sorted(chosen)}
        if pick.random() < self._taste.misshapen:
            made[pick.choice(("unheardOf", *properties))] = pick.choice(SHAPES)
        return made


def _alternatives(schema: Schema) -> list[str]:
    """The fields of which a schema takes at most one."""
    branches = schema.get("oneOf", ())
    return sorted({field for branch in branches for field in branch.get("required", ())})
