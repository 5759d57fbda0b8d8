"""The registry of faults by name, and the hooks: what of a lab a fault can alter."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from types import UnionType
from typing import Any, TypeVar, get_args, get_type_hints

from lab.kube.client import Client
from lab.kube.runtime import Runtime
from lab.kube.serving import Serving
from lab.mesh.config.apis import APIS
from lab.mesh.envoy.resources import Resources
from lab.mesh.model.proxy_config import GatewayConfig, SidecarConfig
from lab.node.images.programs import Launch
from lab.node.network.host_ports import HostPorts

HOOKS: dict[type, str] = {
    Client: "the cluster, as the control plane sees it and writes to it",
    **{api.declared: f"what users have declared in the API {name}" for name, api in APIS.items()},
    SidecarConfig: "what a sidecar must do",
    GatewayConfig: "what a gateway must do",
    Resources: "a proxy's configuration, its own copy",
    Launch: "the program that the node starts for a container",
    Runtime: "how the node serves exec and logs",
    Serving: "the API server",
    HostPorts: "what listens on the host: load balancers and node ports",
}
"""What a fault can alter: the type of its argument."""

HARNESS = "The harness"
"""In the place of a section: nothing is wrong with the mesh, but what the suite stands on breaks."""

SECTIONS = {name: (*api.sections, HARNESS) for name, api in APIS.items()}
"""For each document, by the policy API that it describes, its sections in their order."""

EXTENDED = "extended"
"""In the place of a document: it shows in the suite beside the documents, whose areas are its own."""
BESIDE = "current"
"""The document beside which it is: its faults are for the meshes of this."""

Change = Callable[[Any], Any]
Function = TypeVar("Function", bound=Callable[..., object])


@dataclass(frozen=True)
class Fault:
    """One way to be wrong. `section` is that of the document which it breaks, `sentence` what is wrong then.

    `make` gives the change for one lab: what a fault remembers, it remembers of that lab only.
    """

    name: str
    document: str
    section: str
    sentence: str
    alters: tuple[type, ...]
    make: Callable[[], Change]

    @property
    def meshes(self) -> tuple[str, ...]:
        """Those that it is for: the only one whose declarations it alters, or all."""
        if self.document == EXTENDED:
            return (BESIDE,)
        only = tuple(name for name, api in APIS.items() if api.declared in self.alters)
        return only or tuple(APIS)


class NotAFault(ValueError):
    """A function that alters nothing a fault can alter; the message is one line."""


_KNOWN: dict[str, Fault] = {}


def fault(section: str, document: str = "current") -> Callable[[Function], Function]:
    """Registers a function as a fault: its name with dashes, the first line of its docstring as sentence."""
    if document != EXTENDED and section not in SECTIONS[document]:
        raise ValueError(f"the document {document} has no section {section!r}")

    def register(function: Function) -> Function:
        made = described(function, function.__name__.replace("_", "-"), document, section)
        if made.name in _KNOWN:
            raise ValueError(f"two faults are called {made.name}")
        _KNOWN[made.name] = made
        return function

    return register


def described(function: Callable[..., Any], name: str, document: str = "current", section: str = "") -> Fault:
    """The fault that a function is, or makes.

    It takes one argument of a type of `HOOKS` (or of several: `ProxyConfig`), which it may
    change, and returns it; or it takes none, and
    returns such a function (annotated as `Callable[[Policies], Policies]`, say), which may remember what it
    has seen. Raises NotAFault.
    """
    sentence = inspect.cleandoc(function.__doc__ or "").partition("\n")[0]
    try:
        parameters, hints = list(inspect.signature(function).parameters), get_type_hints(function)
    except (TypeError, NameError, ValueError) as error:
        raise NotAFault(f"it cannot be understood: {error}") from None
    if not parameters:
        arguments = get_args(hints.get("return"))
        taken = arguments[0][0] if arguments and isinstance(arguments[0], list) and arguments[0] else None
        return Fault(name, document, section, sentence, _hooks(taken), function)
    if len(parameters) > 1:
        raise NotAFault(f"it takes {len(parameters)} arguments; a fault takes one, of {_known_types()}")
    return Fault(name, document, section, sentence, _hooks(hints.get(parameters[0])), lambda: function)


def _hooks(taken: object) -> tuple[type, ...]:
    types = get_args(taken) if isinstance(taken, UnionType) else (taken,)
    if all(each in HOOKS for each in types):
        return types
    what = "something without a type" if taken is None else getattr(taken, "__name__", str(taken))
    raise NotAFault(f"it takes {what}; a fault takes one of {_known_types()}")


def _known_types() -> str:
    return ", ".join(hook.__name__ for hook in HOOKS)


def known() -> list[Fault]:
    """All registered faults that break a document: by document, in the order of its sections, by name."""
    return sorted(
        (each for each in _KNOWN.values() if each.document != EXTENDED),
        key=lambda each: (each.document, SECTIONS[each.document].index(each.section), each.name),
    )


def beyond() -> list[Fault]:
    """Those that break what is promised beyond the documents, by area and name."""
    return sorted(
        (each for each in _KNOWN.values() if each.document == EXTENDED),
        key=lambda each: (each.section, each.name),
    )


def find(name: str) -> Fault | None:
    """The registered fault of that name."""
    return _KNOWN.get(name)
