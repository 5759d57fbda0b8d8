"""Faults of mutual TLS."""

from __future__ import annotations

from dataclasses import replace

from lab.faults.registry import fault
from lab.faults.trees import messages
from lab.mesh.current.policies import Policies
from lab.mesh.envoy.resources import Resources
from lab.mesh.model import MutualTls, Snapshot


@fault("Globally enabling Istio mutual TLS in STRICT mode")
def strict_as_permissive(snapshot: Snapshot) -> Snapshot:
    """STRICT is enforced as PERMISSIVE: plain text still gets in."""

    def weakened(mode: MutualTls) -> MutualTls:
        return MutualTls.PERMISSIVE if mode is MutualTls.STRICT else mode

    inbound = snapshot.inbound
    ports = tuple(replace(port, mode=weakened(port.mode)) for port in inbound.ports)
    return replace(
        snapshot, inbound=replace(inbound, ports=ports, default_mode=weakened(inbound.default_mode))
    )


@fault("Enable mutual TLS per workload")
def port_level_ignored(policies: Policies) -> Policies:
    """`portLevelMtls` has no effect: the workload's mode holds on every port."""
    return replace(
        policies,
        peer_authentications=tuple(
            replace(policy, port_modes={}) for policy in policies.peer_authentications
        ),
    )


@fault("Auto mutual TLS")
def xfcc_dropped(resources: Resources) -> Resources:
    """The server's proxy never tells the application who the client is."""
    for message in messages(resources.listeners):
        if message.get("forward_client_cert_details") == "APPEND_FORWARD":
            message["forward_client_cert_details"] = "SANITIZE"
    return resources
