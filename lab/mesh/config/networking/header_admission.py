"""Validation of the headers that routes match or change, in the words of Istio's webhook."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from itertools import zip_longest

from lab.golang.printing import quoted
from lab.kube.client import Object
from lab.mesh.config.networking.virtual_service import claim_path
from lab.mesh.config.webhook import HEADER_LETTERS, mapping, sequence

PSEUDO = (":method", ":scheme", ":authority", ":path", ":status")
MATCHED = re.compile(f"[,{HEADER_LETTERS}]+")
"""The names of headers in matches; Istio accepts a comma in them."""
AUTHORITY = (":authority", "host")
UNWRITABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
NO_VARIABLE = "header value configuration: invalid header configuration."


def matched_name_problems(name: str) -> Iterator[str]:
    """The problems of the name of a header or claim in a match."""
    if not name:
        yield "header name cannot be empty"
    elif not (claim_path(name) or name in PSEUDO or MATCHED.fullmatch(name)):
        yield f"header name {name} is not a valid header name"


def cross_origin_name_problems(name: str) -> Iterator[str]:
    if not name:
        yield "header name cannot be empty"
    elif not MATCHED.fullmatch(name):
        yield f"header name {name} is not a valid header name"


def changes_problems(headers: Object) -> Iterator[str]:
    """The problems of header changes: `add`, `set` and `remove`, for requests and responses."""
    for side in ("request", "response"):
        changes = mapping(headers.get(side))
        written = [pair for kind in ("add", "set") for pair in mapping(changes.get(kind)).items()]
        for name, value in written:
            yield from _name_problems(name, authority=side == "request")
            yield from _value_problems(value)
        for name in sequence(changes.get("remove")):
            yield from _name_problems(name)


def _name_problems(name: str, *, authority: bool = False) -> Iterator[str]:
    """`authority`: whether it may be the name of the authority."""
    if not name:
        yield "header name cannot be empty"
    elif authority and name.lower() in AUTHORITY:
        return
    elif name.lower() == "host":
        yield f"invalid header {quoted(name)}: cannot set Host header"
    elif name.startswith(":"):
        yield f'invalid header {quoted(name)}: header cannot have ":" prefix'


def _value_problems(value: str) -> Iterator[str]:
    if UNWRITABLE.search(value):
        yield f"header value configuration {value} is invalid"
    elif problem := _variable_problem(value):
        yield f"{NO_VARIABLE} {problem}"


class State(Enum):
    """Where in a value with variables (`100%%`, `%REQ(x)%`, `%REQ(["a", "b"])%`) one is."""

    LITERAL = auto()
    NAME = auto()
    ARGUMENTS = auto()
    ELEMENT = auto()
    TEXT = auto()
    SEPARATOR = auto()
    ARGUMENTS_END = auto()
    END = auto()


@dataclass(frozen=True)
class Step:
    """What may follow. A space may always; with a complaint, nothing else may."""

    to: Mapping[str, State]
    otherwise: State | None = None
    complaint: str = ""


STEPS = {
    State.NAME: Step({"%": State.LITERAL, "(": State.ARGUMENTS}),
    State.ARGUMENTS: Step({"[": State.ELEMENT}, otherwise=State.TEXT),
    State.ELEMENT: Step({'"': State.TEXT}, complaint="Expecting '\"'"),
    State.TEXT: Step({")": State.END, '"': State.SEPARATOR}),
    State.SEPARATOR: Step(
        {",": State.ELEMENT, "]": State.ARGUMENTS_END}, complaint="Expecting ',', ']', or whitespace"
    ),
    State.ARGUMENTS_END: Step(
        {")": State.END}, complaint="Expecting ')' or whitespace after '{}', but found '{}'"
    ),
    State.END: Step({"%": State.LITERAL}, complaint="Expecting '%' or whitespace after"),
}


def _variable_problem(value: str) -> str:
    """Of the variables in it, as Envoy once read them; "" if there is none."""
    state, escaped = State.LITERAL, False
    for letter, following in zip_longest(value, value[1:]):
        if escaped:
            escaped = False
        elif state is State.LITERAL:
            if letter == "%" and following is None:
                return "Un-escaped %"
            escaped = letter == following == "%"
            state = State.NAME if letter == "%" and not escaped else state
        elif state is State.TEXT and letter == "\\":
            if following is None:
                return "Un-terminated backslash in JSON string"
            escaped = True
        elif letter in STEPS[state].to:
            state = STEPS[state].to[letter]
        elif letter != " " and STEPS[state].complaint:
            return STEPS[state].complaint
        elif letter != " ":
            state = STEPS[state].otherwise or state
    return "" if state is State.LITERAL else f"Un-terminated variable expression '{value}'"
