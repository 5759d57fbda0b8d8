"""A fault that lives outside the project, for a test."""

from __future__ import annotations

from dataclasses import replace

from lab.mesh.current.policies import Policies


def no_port_levels(policies: Policies) -> Policies:
    """`portLevelMtls` has no effect."""
    declared = tuple(replace(policy, port_modes={}) for policy in policies.peer_authentications)
    return replace(policies, peer_authentications=declared)
