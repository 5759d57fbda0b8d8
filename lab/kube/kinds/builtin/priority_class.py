"""PriorityClasses, which are only stored."""

from __future__ import annotations

from lab.kube.kinds.printers import AGE, NAME, Column
from lab.kube.kinds.resources import native
from lab.kube.kinds.strategies import Strategy
from lab.kube.objects import GroupResource, Object


def _defaults(priority_class: Object) -> None:
    priority_class.setdefault("preemptionPolicy", "PreemptLowerPriority")


RESOURCES = (
    native(
        "io.k8s.api.scheduling.v1.PriorityClass",
        GroupResource("scheduling.k8s.io", "priorityclasses"),
        namespaced=False,
        short_names=("pc",),
        has_generation=True,
        columns=(
            NAME,
            Column("Value", lambda obj: obj.get("value", 0), "integer"),
            Column("Global-Default", lambda obj: bool(obj.get("globalDefault")), "boolean"),
            AGE,
            Column("PreemptionPolicy", lambda obj: obj.get("preemptionPolicy", "")),
        ),
        strategy=Strategy(defaults=_defaults),
    ),
)
