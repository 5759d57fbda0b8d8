"""The API of Istio 1.0: MeshPolicy, Policy, and the DestinationRules that clients need beside them.

authentication_policy   what a Policy or MeshPolicy declares, and which one holds for a port of a service
destination_rules       which rule a client obeys
policies                everything that is declared
authentication          what a policy demands of connections and requests
inbound, outbound       what ports accept, and how clients reach services
admission, definitions  what is refused, and the resource definitions
api                     all of it, as the control plane sees it
"""

from lab.mesh.config.istio_1_0.api import API

__all__ = ["API"]
