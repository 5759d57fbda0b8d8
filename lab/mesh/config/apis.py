"""The policy APIs that the reference mesh speaks: a line here for each, and a folder with the rest of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lab.mesh.config.policy_api import AnyPolicyApi

FOLDERS = {
    "current": "lab.mesh.config.current",
    "istio-1.0": "lab.mesh.config.istio_1_0",
}
"""By the name that `python -m lab up --mesh` takes; the first is the default."""


class PolicyApis(Mapping[str, "AnyPolicyApi"]):
    """By name. An API is loaded when it is asked for: whoever wants names only does not wait for any."""

    def __getitem__(self, name: str) -> AnyPolicyApi:
        api: AnyPolicyApi = import_module(FOLDERS[name]).API
        return api

    def __iter__(self) -> Iterator[str]:
        return iter(FOLDERS)

    def __len__(self) -> int:
        return len(FOLDERS)


APIS = PolicyApis()
