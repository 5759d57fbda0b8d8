"""The ports that Istio reserves in every pod with a proxy."""

from __future__ import annotations

ADMIN = 15000
OUTBOUND, INBOUND = 15001, 15006
"""Where the pod's capture rules redirect to."""

AGENT = 15020
"""Where the kubelet asks for the application of a pod with a sidecar."""

STATUS = 15021
"""Where a gateway says that it is ready."""

METRICS = 15090

RESERVED = frozenset({ADMIN, OUTBOUND, INBOUND, AGENT, STATUS, METRICS})
