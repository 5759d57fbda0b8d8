"""Faults that show while workloads join the mesh, and while its policies come namespace by namespace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from lab.faults.registry import EXTENDED, fault
from lab.mesh.config.current.policies import Policies
from lab.mesh.model.proxy_config import MutualTls, SidecarConfig

AREA = "Migration"


@fault(AREA, EXTENDED)
def workloads_that_join_are_strict() -> Callable[[Policies | SidecarConfig], Policies | SidecarConfig]:
    """A workload that was outside the mesh takes mutual TLS alone from when it has joined."""
    outside: set[tuple[str, str]] = set()

    def change(part: Policies | SidecarConfig) -> Policies | SidecarConfig:
        if isinstance(part, Policies):
            outside.update(
                (each.namespace, each.service_account)
                for each in part.registry.workloads
                if not (each.injected or each.gateway)
            )
            return part
        if (part.namespace, part.identity.service_account) not in outside:
            return part
        ports = tuple(replace(port, mode=MutualTls.STRICT) for port in part.inbound.ports)
        return replace(part, inbound=replace(part.inbound, ports=ports, default_mode=MutualTls.STRICT))

    return change


@fault(AREA, EXTENDED)
def strict_namespace_is_the_whole_mesh(policies: Policies) -> Policies:
    """As soon as one namespace is STRICT, so is the whole mesh."""
    namespaces = [each for each in policies.peer_authentications if not each.selector]
    if not any(each.mode is MutualTls.STRICT for each in namespaces):
        return policies
    strict = (replace(each, mode=MutualTls.STRICT) for each in policies.peer_authentications)
    return replace(policies, peer_authentications=tuple(strict))
