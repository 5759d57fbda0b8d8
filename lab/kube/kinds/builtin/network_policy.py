"""NetworkPolicies, which are not enforced."""

from __future__ import annotations

from lab.kube.kinds.printers import AGE, NAME, Column, label_selector, spec_of
from lab.kube.kinds.resources import native
from lab.kube.kinds.strategies import Strategy
from lab.kube.objects import GroupResource, Object


def _defaults(policy: Object) -> None:
    spec = policy.setdefault("spec", {})
    spec.setdefault("policyTypes", ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"])
    for direction in ("ingress", "egress"):
        for rule in spec.get(direction) or ():
            for port in rule.get("ports") or ():
                port.setdefault("protocol", "TCP")


RESOURCES = (
    native(
        "io.k8s.api.networking.v1.NetworkPolicy",
        GroupResource("networking.k8s.io", "networkpolicies"),
        short_names=("netpol",),
        has_generation=True,
        columns=(
            NAME,
            Column("Pod-Selector", lambda obj: label_selector(spec_of(obj).get("podSelector"))),
            AGE,
        ),
        notice="nothing in this cluster enforces a NetworkPolicy: it is stored, but all traffic goes on",
        strategy=Strategy(defaults=_defaults),
    ),
)
