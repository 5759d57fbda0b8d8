"""PodDisruptionBudgets, which are only stored."""

from __future__ import annotations

from lab.kube.kinds.printers import AGE, NAME, Column, count, spec_of
from lab.kube.kinds.resources import native
from lab.kube.objects import GroupResource

RESOURCES = (
    native(
        "io.k8s.api.policy.v1.PodDisruptionBudget",
        GroupResource("policy", "poddisruptionbudgets"),
        short_names=("pdb",),
        subresources=("status",),
        has_generation=True,
        columns=(
            NAME,
            Column("Min Available", lambda obj: str(spec_of(obj).get("minAvailable", "N/A"))),
            Column("Max Unavailable", lambda obj: str(spec_of(obj).get("maxUnavailable", "N/A"))),
            count("disruptionsAllowed", "Allowed Disruptions"),
            AGE,
        ),
    ),
)
