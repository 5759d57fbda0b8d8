"""The API of Istio 1.0: MeshPolicy, Policy, and the DestinationRules that clients need beside them.

authentication_policy   Policy and MeshPolicy, and which one applies to a port of a service
destination_rules       which rule applies to a client
policies                all policies
authentication          what a policy requires of connections and requests
inbound, outbound       what ports accept, and how clients reach services
admission, definitions  validation, and the resource definitions
api                     all of it, as a `PolicyApi`
"""

from lab.mesh.config.istio_1_0.api import API

__all__ = ["API"]
