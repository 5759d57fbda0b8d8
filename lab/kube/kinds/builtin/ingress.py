"""Ingresses and their classes, which are only stored."""

from __future__ import annotations

from lab.kube.kinds.printers import AGE, NAME, NONE, Column, of_spec, spec_of, status_of
from lab.kube.kinds.resources import native
from lab.kube.objects import GroupResource, Object


def _hosts(ingress: Object) -> str:
    found = [rule["host"] for rule in spec_of(ingress).get("rules") or () if rule.get("host")]
    if len(found) > 3:
        return f"{','.join(found[:3])} + {len(found) - 3} more..."
    return ",".join(found) or "*"


def _ingress_address(ingress: Object) -> str:
    entries = (status_of(ingress).get("loadBalancer") or {}).get("ingress") or ()
    return ",".join(entry.get("ip") or entry.get("hostname") or "" for entry in entries)


def _parameters(ingress_class: Object) -> str:
    reference = spec_of(ingress_class).get("parameters")
    if not reference:
        return NONE
    kind = ".".join(filter(None, (reference["kind"], reference.get("apiGroup"))))
    return f"{kind}/{reference['name']}"


RESOURCES = (
    native(
        "io.k8s.api.networking.v1.Ingress",
        GroupResource("networking.k8s.io", "ingresses"),
        short_names=("ing",),
        subresources=("status",),
        has_generation=True,
        columns=(
            NAME,
            of_spec("ingressClassName", "Class", NONE),
            Column("Hosts", _hosts),
            Column("Address", _ingress_address),
            Column("Ports", lambda obj: "80, 443" if spec_of(obj).get("tls") else "80"),
            AGE,
        ),
    ),
    native(
        "io.k8s.api.networking.v1.IngressClass",
        GroupResource("networking.k8s.io", "ingressclasses"),
        namespaced=False,
        has_generation=True,
        columns=(NAME, of_spec("controller", "Controller"), Column("Parameters", _parameters), AGE),
    ),
)
