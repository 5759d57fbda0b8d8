"""What a workload's ports accept, as the PeerAuthentications say it."""

from __future__ import annotations

from lab.mesh.config.current.policies import Policies
from lab.mesh.model.proxy_config import Inbound, InboundPort, Protocol
from lab.mesh.workloads.service_registry import Workload


def inbound(policies: Policies, workload: Workload) -> Inbound:
    """Every port a Service lists, and each other port whose mode a policy sets apart.

    The document says that a port without a Service is ignored; Istio honours the setting, and so does this.
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
