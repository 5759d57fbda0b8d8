"""What the ports of workloads and gateways accept, according to Policy and MeshPolicy."""

from __future__ import annotations

from dataclasses import replace

from lab.mesh.config.istio_1_0 import authentication
from lab.mesh.config.istio_1_0.policies import Policies
from lab.mesh.config.networking import gateway_listeners
from lab.mesh.model.proxy_config import Inbound, InboundPort, Listener, MutualTls, Protocol
from lab.mesh.workloads.service_registry import Workload


def inbound(policies: Policies, workload: Workload) -> Inbound:
    """The ports that a Service lists; policies are for services, so that no other port has any.

    A peer needs a certificate of the mesh's authority, whatever trust domain is in it.
    """
    ports = []
    for number, (service, port) in policies.registry.bindings(workload).items():
        policy = policies.policy_for(service, port)
        ports.append(
            InboundPort(
                number,
                spoken(port.protocol),
                authentication.mode(policy),
                tokens=authentication.token_check(policy, policies.key_sets),
            )
        )
    return Inbound(
        ports=tuple(ports),
        default_mode=MutualTls.DISABLE,
        trust_domains=(),
        mesh_alpn=False,
        tells_identity=False,
    )


def spoken(protocol: Protocol) -> Protocol:
    """What a port speaks: nobody looks into the bytes, so that what a Service does not declare is TCP."""
    return Protocol.TCP if protocol is Protocol.UNDECLARED else protocol


def listeners(policies: Policies, gateway: Workload) -> tuple[Listener, ...]:
    """The listeners of a gateway. The policy of a port is that of the Service in front of it."""
    return tuple(
        _with_tokens(policies, gateway, listener)
        for listener in gateway_listeners.listeners(policies.networking, policies.registry, gateway)
    )


def _with_tokens(policies: Policies, gateway: Workload, listener: Listener) -> Listener:
    bound = policies.registry.bindings(gateway).get(listener.port)
    if bound is None:
        return listener
    policy = policies.policy_for(*bound)
    check = authentication.token_check(policy, policies.key_sets, at_gateway=True)
    return replace(listener, tokens=check)
