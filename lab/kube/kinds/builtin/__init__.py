"""The built-in kinds that the lab serves: one module a kind, or a few kinds that belong together.

A module says all that is special about its kinds in RESOURCES: what discovery tells of them, their columns,
their strategy and their form in protobuf. One that is put into this folder is served; only its schema must be
among those of `lab.kube.kinds.data`. A module may have MESSAGES, the protobuf of what clients send and nobody
stores.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType

from lab.kube.kinds.protobuf_messages import DELETE_OPTIONS, Message
from lab.kube.kinds.resources import Resource


@cache
def _modules() -> tuple[ModuleType, ...]:
    names = {file.stem for folder in __path__ for file in Path(folder).glob("[!_]*.py")}
    return tuple(import_module(f"{__name__}.{name}") for name in sorted(names))


@cache
def resources() -> tuple[Resource, ...]:
    """By group and plural, in which order clients discover them."""
    found = (resource for module in _modules() for resource in module.RESOURCES)
    return tuple(sorted(found, key=lambda resource: resource.key))


@cache
def messages() -> Mapping[tuple[str, str], Message]:
    """What this server reads in protobuf, by apiVersion and kind."""
    known = {(each.api_version, each.kind): each.protobuf for each in resources() if each.protobuf}
    for module in _modules():
        known |= getattr(module, "MESSAGES", {})
    return known | {(version, "DeleteOptions"): DELETE_OPTIONS for version in ("v1", "meta.k8s.io/v1")}
