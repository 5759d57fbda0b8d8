"""The policy APIs that the reference mesh implements: a line here for each, and a folder."""

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
"""By the argument of `python -m lab up --mesh`; the first is the default."""


class PolicyApis(Mapping[str, "AnyPolicyApi"]):
    """By name. An API is imported on first use, so that listing the names is fast."""

    def __getitem__(self, name: str) -> AnyPolicyApi:
        api: AnyPolicyApi = import_module(FOLDERS[name]).API
        return api

    def __iter__(self) -> Iterator[str]:
        return iter(FOLDERS)

    def __len__(self) -> int:
        return len(FOLDERS)


APIS = PolicyApis()
