"""Loading of faults by name, or by `path/to/file.py:function` for one from outside the project."""

from __future__ import annotations

import copy
import difflib
import importlib.util
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from lab.config import BadFault
from lab.faults import registry
from lab.faults.registry import Change, Fault, NotAFault
from lab.mesh.envoy.resources import Resources

Part = TypeVar("Part")


@dataclass(frozen=True)
class Faults:
    """Chosen faults, ready for one lab; they apply in the order in which they were named."""

    chosen: tuple[tuple[tuple[type, ...], Change], ...] = ()

    def alter(self, hook: type, part: Part) -> Part:
        """What becomes of a part of the lab; `hook` is its type as `registry.HOOKS` has it."""
        changes = [change for alters, change in self.chosen if hook in alters]
        if changes and hook is Resources:
            part = copy.deepcopy(part)
        for change in changes:
            part = change(part)
        return part

    def alter_model(self, part: Part) -> Part:
        return self.alter(type(part), part)

    def alter_resources(self, resources: Resources) -> Resources:
        return self.alter(Resources, resources)


def load(names: Iterable[str], mesh: str) -> Faults:
    """The faults of these names, for a lab with this mesh. Raises BadFault."""
    found = list(map(find, names))
    for fault in found:
        if mesh not in fault.meshes:
            raise BadFault(f'fault "{fault.name}" is for the mesh {fault.meshes[0]}, not for {mesh}')
    return Faults(tuple((fault.alters, fault.make()) for fault in found))


def find(name: str) -> Fault:
    """One fault. Raises BadFault."""
    found = registry.find(name)
    if found is not None:
        return found
    if ".py:" in name:
        return _outside(name)
    near = difflib.get_close_matches(
        name, (fault.name for fault in (*registry.known(), *registry.beyond())), n=1
    )
    hint = f'did you mean "{near[0]}"? ' if near else ""
    raise BadFault(f'unknown fault "{name}"; {hint}`python -m lab faults` lists them')


def _outside(name: str) -> Fault:
    path, _, function_name = name.rpartition(":")
    module = _module(Path(path), name)
    function = getattr(module, function_name, None)
    if not callable(function):
        raise BadFault(f'fault {name}: {path} has no function "{function_name}"')
    try:
        return registry.described(function, name)
    except NotAFault as problem:
        raise BadFault(f"fault {name}: {problem}") from None


def _module(path: Path, name: str) -> ModuleType:
    if not path.is_file():
        raise BadFault(f"fault {name}: there is no file {path}")
    spec = importlib.util.spec_from_file_location(f"fault_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look for it
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # noqa: BLE001 - whatever the file does, its user is told in one line
        said = " ".join(str(error).split())
        raise BadFault(f"fault {name}: {path} cannot be loaded: {type(error).__name__}: {said}") from None
    return module
