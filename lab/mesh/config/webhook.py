"""Denials in the format of Istio's validating webhook."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from lab.golang.printing import listed
from lab.kube.client import Denied, GroupResource, Object, Review

HEADER_LETTERS = r"!#$%&'*+.^_`|~0-9A-Za-z-"
HEADER_NAME = re.compile(f"[{HEADER_LETTERS}]+")
"""RFC 9110, section 5.6.2."""


UNREADABLE = re.compile(r"[\x00\r\n]")
"""Characters that Envoy accepts nowhere in a header: it rejects the whole update that contains them."""


class InList(str):
    """A reason that Istio prints as a list even if it is the only one."""

    __slots__ = ()


def refuse_for(problems: Iterable[str]) -> None:
    """Raises Denied with all problems, if there are any."""
    if found := list(problems):
        alone = len(found) == 1 and not isinstance(found[0], InList)
        raise Denied("configuration is invalid: " + (found[0] if alone else listed(found)))


def refuse_undecodable(why: str) -> None:
    """Raises Denied for what has no place in Istio's messages, though the schema has nothing against it."""
    raise Denied(f"error decoding configuration: {why}")


def in_turn(*reviews: Review) -> Review:
    """One review for several; the first that refuses ends it."""
    return lambda new: [warning for review in reviews for warning in review(new)]


class LoadedReviews(Mapping[GroupResource, Review]):
    """Reviews by kind, which are loaded with the first object of one of these kinds.

    They take a score of modules, which a lab that starts would read for nobody.
    """

    def __init__(
        self, kinds: Collection[GroupResource], load: Callable[[], Mapping[GroupResource, Review]]
    ) -> None:
        self._kinds = kinds
        self._load = load

    def __getitem__(self, kind: GroupResource) -> Review:
        if kind not in self._kinds:
            raise KeyError(kind)
        return lambda new: self._load()[kind](new)

    def __iter__(self) -> Iterator[GroupResource]:
        return iter(self._kinds)

    def __len__(self) -> int:
        return len(self._kinds)


def mapping(value: object) -> Object:
    """The value if it is an object, else (where it is not given, or null) an empty one."""
    return value if isinstance(value, dict) else {}


def sequence(value: object) -> list[Any]:
    """The value if it is a list, else (where it is not given, or null) an empty one."""
    return value if isinstance(value, list) else []
