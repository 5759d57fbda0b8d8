"""Faults that live outside the project, for tests."""

from __future__ import annotations

import copy
from dataclasses import replace

from lab.faults.trees import inbound_chains, takes_mutual_tls
from lab.mesh.config.current.policies import Policies
from lab.mesh.envoy.resources import Resources

PORTS_OF_CLIENTS = range(32768, 61000)


def strict_closes_either_way(resources: Resources) -> Resources:
    """STRICT breaks every other connection in plain text, and hangs up in order on the rest."""
    chains = inbound_chains(resources)
    for port in {chain["filter_chain_match"].get("destination_port") for chain in chains}:
        own = [chain for chain in chains if chain["filter_chain_match"].get("destination_port") == port]
        if all(map(takes_mutual_tls, own)):
            # Plain text that it is for is taken for the beginning of a handshake, and read.
            chain = copy.deepcopy(own[0])
            chain["name"] += "-fault"
            chain["filter_chain_match"].pop("transport_protocol", None)
            chain["filter_chain_match"]["source_ports"] = [
                number for number in PORTS_OF_CLIENTS if number // 2 % 2
            ]
            chains.append(chain)
    return resources


def no_port_levels(policies: Policies) -> Policies:
    """`portLevelMtls` has no effect."""
    declared = tuple(replace(policy, port_modes={}) for policy in policies.peer_authentications)
    return replace(policies, peer_authentications=declared)
