"""Validation of a policy's selector and target references, in the words of Istio's webhook.

The schema has rejected most invalid objects before.
"""

from __future__ import annotations

from collections.abc import Iterator

from lab.kube.client import Object
from lab.mesh.config.gateway_api.gateways import GROUP
from lab.mesh.config.webhook import sequence

TARGETS = {
    ("core", "Service"): "core/v1/Service",
    ("networking.istio.io", "ServiceEntry"): "networking.istio.io/v1/ServiceEntry",
    (GROUP, "Gateway"): f"{GROUP}/v1/Gateway",
    (GROUP, "GatewayClass"): f"{GROUP}/v1/GatewayClass",
}
"""What a policy may target: group and kind, and the text in messages."""


def target_problems(spec: Object) -> Iterator[str]:
    one = spec.get("targetRef")
    for target in (*([one] if one is not None else ()), *sequence(spec.get("targetRefs"))):
        group, kind = target.get("group") or "", target.get("kind") or ""
        if (group or "core", kind) not in TARGETS:
            yield f"targetRef must be to one of [{' '.join(TARGETS.values())}] but was {group}/{kind}"
