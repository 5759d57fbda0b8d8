"""Leases."""

from __future__ import annotations

from lab.kube.kinds.printers import AGE, NAME, Column, spec_of
from lab.kube.kinds.resources import native
from lab.kube.objects import GroupResource

RESOURCES = (
    native(
        "io.k8s.api.coordination.v1.Lease",
        GroupResource("coordination.k8s.io", "leases"),
        columns=(NAME, Column("Holder", lambda obj: spec_of(obj).get("holderIdentity", "")), AGE),
    ),
)
