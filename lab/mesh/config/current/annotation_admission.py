"""Annotations that Istio reserves for itself: its webhook rejects them on every object."""

from __future__ import annotations

from lab.golang.printing import quoted
from lab.kube.client import Object
from lab.mesh.config.webhook import mapping, refuse_for

REFUSED = {
    "internal.istio.io/webhook-always-reject": "rejecting",
    "internal.istio.io/parent-namespace": "this may not be set by users",
    "internal.istio.io/parents": "this may not be set by users",
}


def review_annotations(new: Object) -> list[str]:
    """Refuses the first of them."""
    annotations = mapping(new["metadata"].get("annotations"))
    for name, why in REFUSED.items():
        if name in annotations:
            refuse_for([f"{quoted(name)} annotation found, {why}"])
    return []
