"""StatefulSets, and the ControllerRevisions in which their history is kept."""

from __future__ import annotations

from lab.kube import errors
from lab.kube.errors import Cause
from lab.kube.group_resources import CONTROLLER_REVISIONS, STATEFUL_SETS
from lab.kube.kinds.pod_templates import apply_template_defaults, check_workload
from lab.kube.kinds.podspec import check_quantities
from lab.kube.kinds.printers import AGE, NAME, NONE, READY_REPLICAS, Column, of_template
from lab.kube.kinds.resources import native
from lab.kube.kinds.strategies import Strategy
from lab.kube.objects import Object

_CHOICES = {
    "podManagementPolicy": ("OrderedReady", "Parallel"),
    "updateStrategy.type": ("OnDelete", "RollingUpdate"),
}
_CHANGEABLE = (
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
)
_UNCHANGEABLE = (
    "updates to statefulset spec for fields other than "
    f"{', '.join(map(repr, _CHANGEABLE[:-1]))} and {_CHANGEABLE[-1]!r} are forbidden"
)


def _defaults(statefulset: Object) -> None:
    spec = statefulset.setdefault("spec", {})
    spec.setdefault("podManagementPolicy", "OrderedReady")
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", 10)
    retention = spec.setdefault("persistentVolumeClaimRetentionPolicy", {})
    retention.setdefault("whenDeleted", "Retain")
    retention.setdefault("whenScaled", "Retain")
    strategy = spec.setdefault("updateStrategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        strategy.setdefault("rollingUpdate", {}).setdefault("partition", 0)
    apply_template_defaults(spec)
    check_quantities("StatefulSet", spec["template"]["spec"])


def _validate(statefulset: Object, old: Object | None) -> list[Cause]:
    spec = statefulset["spec"]
    causes = check_workload(spec, None, "statefulset")
    for field, choices in _CHOICES.items():
        outer, _, inner = field.rpartition(".")
        value = (spec[outer] if outer else spec)[inner]
        if value not in choices:
            causes.append(errors.unsupported_value(f"spec.{field}", value, choices))
    if (start := (spec.get("ordinals") or {}).get("start", 0)) < 0:
        causes.append(
            errors.invalid_value("spec.ordinals.start", start, "must be greater than or equal to 0")
        )
    if old is not None and _settled(spec) != _settled(old["spec"]):
        causes.append(errors.field_forbidden("spec", _UNCHANGEABLE))
    return causes


def _settled(spec: Object) -> Object:
    return {field: value for field, value in spec.items() if field not in _CHANGEABLE}


def _controller(obj: Object) -> str:
    owners = obj["metadata"].get("ownerReferences") or ()
    owner = next((each for each in owners if each.get("controller")), None)
    if owner is None:
        return NONE
    group = owner["apiVersion"].partition("/")[0]
    return f"{owner['kind'].lower()}.{group}/{owner['name']}"


RESOURCES = (
    native(
        "io.k8s.api.apps.v1.StatefulSet",
        STATEFUL_SETS,
        short_names=("sts",),
        categories=("all",),
        subresources=("scale", "status"),
        has_generation=True,
        columns=(NAME, READY_REPLICAS, AGE, *of_template()),
        strategy=Strategy(defaults=_defaults, validate=_validate, complete=True),
    ),
    native(
        "io.k8s.api.apps.v1.ControllerRevision",
        CONTROLLER_REVISIONS,
        columns=(
            NAME,
            Column("Controller", _controller),
            Column("Revision", lambda obj: obj.get("revision", 0), "integer"),
            AGE,
        ),
    ),
)
