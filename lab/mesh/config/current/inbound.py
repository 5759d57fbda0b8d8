"""What the ports of a workload accept, according to its PeerAuthentications."""

from __future__ import annotations

from lab.mesh.config.current.policies import Policies
from lab.mesh.model.proxy_config import Inbound, InboundPort, Protocol
from lab.mesh.workloads.service_registry import Workload


def inbound(policies: Policies, workload: Workload) -> Inbound:
    """Every port of a Service, and each other port for which a policy sets another mode.

    The document says that the setting is ignored for a port without a Service; Istio and this mesh apply it.
    """
    modes = policies.modes(workload)
    served = policies.registry.served_ports(workload)
    apart = {port: mode for port, mode in modes.ports.items() if port not in served and mode != modes.default}
    return Inbound(
        ports=(
            *(InboundPort(port, protocol, modes.of(port)) for port, protocol in served.items()),
            *(
                InboundPort(port, Protocol.UNDECLARED, mode, bound=False)
                for port, mode in sorted(apart.items())
            ),
        ),
        default_mode=modes.default,
        trust_domains=(policies.registry.trust_domain,),
    )
