"""Warnings about valid DestinationRules, in the words of Istio's webhook.

There are no warnings about the traffic policies of subsets and ports.
"""

from __future__ import annotations

from collections.abc import Iterator

from lab.kube.client import Object
from lab.mesh.config.webhook import mapping

CONSECUTIVE_ERRORS = (
    "outlier detection consecutive errors is deprecated, "
    "use consecutiveGatewayErrors or consecutive5xxErrors instead"
)
RING_SIZE = (
    "consistent hash MinimumRingSize is deprecated, use ConsistentHashLB's RingHash configuration instead"
)
NO_OUTLIERS = "outlier detection policy must be provided for failover"
NO_LABELS = "workload selector specified without labels"


def destination_rule_warnings(spec: Object) -> Iterator[str]:
    """The warnings about a DestinationRule, in Istio's order."""
    policy = mapping(spec.get("trafficPolicy"))
    outliers, balancer = policy.get("outlierDetection"), mapping(policy.get("loadBalancer"))
    if mapping(outliers).get("consecutiveErrors"):
        yield CONSECUTIVE_ERRORS
    if mapping(balancer.get("consistentHash")).get("minimumRingSize"):
        yield RING_SIZE
    for field in ("localityLbSetting", "zoneAwareLbSetting"):
        setting = mapping(balancer.get(field))
        if outliers is None and (setting.get("failover") or setting.get("failoverPriority")):
            yield NO_OUTLIERS
    selector = spec.get("workloadSelector")
    if isinstance(selector, dict) and not selector.get("matchLabels"):
        yield NO_LABELS
