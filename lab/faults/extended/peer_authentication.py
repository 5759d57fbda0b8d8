"""Faults of PeerAuthentication that the documents do not show."""

from __future__ import annotations

from dataclasses import replace

from lab.faults.registry import EXTENDED, fault
from lab.mesh.config.current.policies import Policies

AREA = "Peer authentication"


@fault(AREA, EXTENDED)
def root_selector_honoured(policies: Policies) -> Policies:
    """A policy of the root namespace with a selector holds for workloads of its labels in the whole mesh."""
    root = policies.registry.root_namespace
    namespaces = {workload.namespace for workload in policies.registry.workloads} - {root}
    spread = [
        replace(policy, namespace=namespace)
        for policy in policies.peer_authentications
        if policy.namespace == root and policy.selector
        for namespace in sorted(namespaces)
    ]
    return replace(policies, peer_authentications=(*policies.peer_authentications, *spread))
