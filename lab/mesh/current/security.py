"""Which RequestAuthentications and AuthorizationPolicies concern a workload or gateway, and what follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lab.mesh.current.policies import Policies
from lab.mesh.model import RequestSecurity


@dataclass(frozen=True)
class Target:
    """What policies may select: pods by namespace and labels, a gateway of the Gateway API also by its name."""

    namespace: str
    labels: Mapping[str, str] = field(default_factory=dict)
    gateway: str | None = None
    """The name of the Gateway (gateway.networking.k8s.io) in the same namespace whose pods these are."""


def request_security(policies: Policies, target: Target) -> RequestSecurity:  # noqa: ARG001 - nothing selects yet
    """What the policies that select the target demand of its requests."""
    return RequestSecurity()
