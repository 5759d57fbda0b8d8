"""Policy attachment: workload selectors and target references."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lab.kube.client import Object
from lab.mesh.config.gateway_api.gateways import GROUP


@dataclass(frozen=True)
class Reference:
    """A resource; an empty namespace is that of the policy."""

    group: str
    kind: str
    name: str
    namespace: str = ""


@dataclass(frozen=True)
class Target:
    """What a policy may apply to: pods, and the Gateway (of the Gateway API) whose pods they may be."""

    namespace: str
    labels: Mapping[str, str] = field(default_factory=dict)
    gateway: str | None = None
    """The name of that Gateway, which is in the same namespace."""


@dataclass(frozen=True)
class Attachment:
    """Either labels (possibly none) or target references."""

    selector: Mapping[str, str] = field(default_factory=dict)
    references: tuple[Reference, ...] = ()

    def includes(self, target: Target, namespace: str, root_namespace: str) -> bool:
        """Whether a policy in `namespace` with this attachment applies to the target.

        Labels select in the policy's own namespace; those of a policy of the root namespace select
        everywhere. References are for Gateways of the policy's own namespace: a sidecar ignores the policy.
        """
        if self.references:
            return namespace == target.namespace and any(
                reference.group == GROUP
                and reference.kind == "Gateway"
                and reference.name == target.gateway
                and reference.namespace in ("", namespace)
                for reference in self.references
            )
        return namespace in (target.namespace, root_namespace) and (
            self.selector.items() <= target.labels.items()
        )


def parse(spec: Object) -> Attachment:
    """The attachment that a (schema-valid) policy declares."""
    references = [*([spec["targetRef"]] if spec.get("targetRef") else ()), *(spec.get("targetRefs") or ())]
    return Attachment(
        selector=(spec.get("selector") or {}).get("matchLabels") or {},
        references=tuple(
            Reference(
                group=reference.get("group") or "",
                kind=reference["kind"],
                name=reference["name"],
                namespace=reference.get("namespace") or "",
            )
            for reference in references
        ),
    )
