"""Every fault by name."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, get_type_hints

from lab.mesh.apis import APIS
from lab.mesh.controller import Part
from lab.mesh.envoy.resources import Resources
from lab.mesh.model import GatewaySnapshot, Snapshot

Kind = Literal["model", "envoy"]
KINDS: dict[type, Kind] = {
    **{api.declared: "model" for api in APIS.values()},
    Snapshot: "model",
    GatewaySnapshot: "model",
    Resources: "envoy",
}

Function = TypeVar("Function", bound=Callable[[Any], Any])


@dataclass(frozen=True)
class Fault:
    """One way to be wrong. `section` is that of the document "Authentication Policy" which it breaks."""

    name: str
    section: str
    sentence: str
    alters: type
    change: Callable[[Any], Any]

    @property
    def kind(self) -> Kind:
        return KINDS[self.alters]

    @property
    def mesh(self) -> str | None:
        """The only mesh that it is for, because it alters what is declared there; None: it is for any."""
        return next((api.name for api in APIS.values() if api.declared is self.alters), None)


_KNOWN: dict[str, Fault] = {}


class UnknownFault(LookupError):
    """A fault that does not exist was asked for; the text lists those that do."""

    def __init__(self, name: str) -> None:
        super().__init__(f'unknown fault "{name}"; known are: {", ".join(sorted(_KNOWN))}')


def fault(section: str) -> Callable[[Function], Function]:
    """Registers a function as a fault: its name with dashes, the first line of its docstring as sentence."""

    def register(function: Function) -> Function:
        parameter = next(iter(inspect.signature(function).parameters))
        name = function.__name__.replace("_", "-")
        sentence = inspect.cleandoc(function.__doc__ or "").partition("\n")[0]
        _KNOWN[name] = Fault(name, section, sentence, get_type_hints(function)[parameter], function)
        return function

    return register


def describe() -> list[Fault]:
    """All faults, by name."""
    return sorted(_KNOWN.values(), key=lambda each: each.name)


@dataclass(frozen=True)
class Faults:
    """Chosen faults, ready to be given to a mesh; they apply in the order in which they were named."""

    chosen: tuple[Fault, ...] = ()

    def alter_model(self, part: Part) -> Part:
        for each in self.chosen:
            if isinstance(part, each.alters):
                part = each.change(part)
        return part

    def alter_resources(self, resources: Resources) -> Resources:
        chosen = [each for each in self.chosen if each.alters is Resources]
        if chosen:
            resources = copy.deepcopy(resources)
        for each in chosen:
            resources = each.change(resources)
        return resources


def load(names: Iterable[str]) -> Faults:
    """The faults of these names. Raises `UnknownFault`."""
    chosen = []
    for name in names:
        if name not in _KNOWN:
            raise UnknownFault(name)
        chosen.append(_KNOWN[name])
    return Faults(tuple(chosen))
