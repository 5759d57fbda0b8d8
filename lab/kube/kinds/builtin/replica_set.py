"""ReplicaSets."""

from __future__ import annotations

from lab.kube.errors import Cause
from lab.kube.group_resources import REPLICA_SETS
from lab.kube.kinds.pod_templates import apply_template_defaults, check_workload
from lab.kube.kinds.printers import AGE, NAME, SELECTOR, count, of_spec, of_template
from lab.kube.kinds.resources import native
from lab.kube.kinds.strategies import Strategy
from lab.kube.objects import Object


def _defaults(replicaset: Object) -> None:
    spec = replicaset.setdefault("spec", {})
    spec.setdefault("replicas", 1)
    apply_template_defaults(spec)


def _validate(replicaset: Object, old: Object | None) -> list[Cause]:
    return check_workload(replicaset["spec"], old, "replicaset")


RESOURCES = (
    native(
        "io.k8s.api.apps.v1.ReplicaSet",
        REPLICA_SETS,
        short_names=("rs",),
        categories=("all",),
        subresources=("scale", "status"),
        has_generation=True,
        fields=("status.replicas",),
        columns=(
            NAME,
            of_spec("replicas", "Desired", 0, "integer"),
            count("replicas", "Current"),
            count("readyReplicas", "Ready"),
            AGE,
            *of_template(),
            SELECTOR,
        ),
        strategy=Strategy(defaults=_defaults, validate=_validate, complete=True),
    ),
)
