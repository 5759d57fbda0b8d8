"""Deployments, ReplicaSets and StatefulSets: their defaults, and what a real API server refuses."""

from __future__ import annotations

from typing import Any

from lab.golang.printing import quoted
from lab.kube import errors
from lab.kube.errors import Cause, go_string_map
from lab.kube.kinds.metadata import check_labels
from lab.kube.kinds.podspec import apply_podspec_defaults, check_podspec
from lab.kube.kinds.selectors import match_label_selector
from lab.kube.objects import Object

_OPERATORS = ("DoesNotExist", "Exists", "In", "NotIn")

_STATEFULSET_CHOICES = {
    "podManagementPolicy": ("OrderedReady", "Parallel"),
    "updateStrategy.type": ("OnDelete", "RollingUpdate"),
}
_STATEFULSET_CHANGEABLE = (
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
    f"{', '.join(map(repr, _STATEFULSET_CHANGEABLE[:-1]))} and {_STATEFULSET_CHANGEABLE[-1]!r} are forbidden"
)


def apply_deployment_defaults(deployment: Object) -> None:
    spec = deployment.setdefault("spec", {})
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)
    strategy = spec.setdefault("strategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxSurge", "25%")
        rolling.setdefault("maxUnavailable", "25%")
    apply_template_defaults(spec)


def apply_replicaset_defaults(replicaset: Object) -> None:
    spec = replicaset.setdefault("spec", {})
    spec.setdefault("replicas", 1)
    apply_template_defaults(spec)


def apply_statefulset_defaults(statefulset: Object) -> None:
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


def apply_template_defaults(spec: Object) -> None:
    """Of the pods that a workload's spec describes."""
    template = spec.setdefault("template", {})
    template.setdefault("metadata", {})
    apply_podspec_defaults(template.setdefault("spec", {}))


def check_deployment(deployment: Object, old: Object | None) -> list[Cause]:
    causes = _check_workload(deployment["spec"], old, "deployment")
    causes += _check_strategy(deployment["spec"]["strategy"])
    return causes


def check_replicaset(replicaset: Object, old: Object | None) -> list[Cause]:
    return _check_workload(replicaset["spec"], old, "replicaset")


def check_statefulset(statefulset: Object, old: Object | None) -> list[Cause]:
    spec = statefulset["spec"]
    causes = _check_workload(spec, None, "statefulset")
    for field, choices in _STATEFULSET_CHOICES.items():
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
    return {field: value for field, value in spec.items() if field not in _STATEFULSET_CHANGEABLE}


def _check_workload(spec: Object, old: Object | None, kind: str) -> list[Cause]:
    causes: list[Cause] = []
    if spec["replicas"] < 0:
        detail = "must be greater than or equal to 0"
        causes.append(errors.invalid_value("spec.replicas", spec["replicas"], detail))
    selector, template = spec.get("selector"), spec["template"]
    causes += _check_selector(selector, kind)
    labels = template["metadata"].get("labels")
    if selector is None or not match_label_selector(selector, labels or {}):
        causes.append(
            Cause(
                "FieldValueInvalid",
                "spec.template.metadata.labels",
                f"Invalid value: {go_string_map(labels)}: `selector` does not match template `labels`",
            )
        )
    causes += check_labels(labels or {}, "spec.template.metadata.labels")
    causes += check_podspec(template["spec"], "spec.template.spec")
    if (policy := template["spec"]["restartPolicy"]) in ("OnFailure", "Never"):
        causes.append(errors.unsupported_value("spec.template.spec.restartPolicy", policy, ("Always",)))
    if old is not None and selector != old["spec"].get("selector"):
        message = f"Invalid value: {go_selector(selector)}: field is immutable"
        causes.append(Cause("FieldValueInvalid", "spec.selector", message))
    return causes


def _check_selector(selector: Object | None, kind: str) -> list[Cause]:
    if selector is None:
        return [errors.required("spec.selector")]
    expressions = selector.get("matchExpressions") or []
    if not selector.get("matchLabels") and not expressions:
        message = f"Invalid value: {go_selector(selector)}: empty selector is invalid for {kind}"
        return [Cause("FieldValueInvalid", "spec.selector", message)]
    causes = check_labels(selector.get("matchLabels") or {}, "spec.selector.matchLabels")
    for index, expression in enumerate(expressions):
        at = f"spec.selector.matchExpressions[{index}]"
        operator, values = expression.get("operator"), expression.get("values")
        if operator not in _OPERATORS:
            detail = "not a valid selector operator"
            causes.append(errors.invalid_value(f"{at}.operator", operator or "", detail))
        elif operator in ("In", "NotIn") and not values:
            detail = "must be specified when `operator` is 'In' or 'NotIn'"
            causes.append(errors.required(f"{at}.values", detail))
        elif operator in ("Exists", "DoesNotExist") and values:
            detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            causes.append(errors.field_forbidden(f"{at}.values", detail))
    return causes


def _check_strategy(strategy: Object) -> list[Cause]:
    kind, rolling = strategy["type"], strategy.get("rollingUpdate")
    if kind == "Recreate":
        if rolling is None:
            return []
        detail = "may not be specified when strategy `type` is 'Recreate'"
        return [errors.field_forbidden("spec.strategy.rollingUpdate", detail)]
    if kind != "RollingUpdate":
        return [errors.unsupported_value("spec.strategy.type", kind, ("Recreate", "RollingUpdate"))]
    assert rolling is not None  # the defaults fill it in
    causes = []
    for field in ("maxUnavailable", "maxSurge"):
        at, value = f"spec.strategy.rollingUpdate.{field}", rolling[field]
        if isinstance(value, str) and not (value.endswith("%") and value[:-1].isdigit()):
            detail = "a valid percent string must be a numeric string followed by an ending '%'"
            causes.append(errors.invalid_value(at, value, f"{detail} (e.g. '1%')"))
        elif isinstance(value, int) and value < 0:
            causes.append(errors.invalid_value(at, value, "must be greater than or equal to 0"))
    if not causes and _is_zero(rolling["maxUnavailable"]) and _is_zero(rolling["maxSurge"]):
        at, detail = "spec.strategy.rollingUpdate.maxUnavailable", "may not be 0 when `maxSurge` is 0"
        causes.append(errors.invalid_value(at, rolling["maxUnavailable"], detail))
    return causes


def _is_zero(amount: Any) -> bool:
    return amount in (0, "0%")


def go_selector(selector: Object | None) -> str:
    """A label selector as Go's `%#v` prints it."""
    selector = selector or {}
    expressions = selector.get("matchExpressions")
    if expressions is None:
        listed = "[]v1.LabelSelectorRequirement(nil)"
    else:
        listed = f"[]v1.LabelSelectorRequirement{{{', '.join(map(_go_requirement, expressions))}}}"
    labels = go_string_map(selector.get("matchLabels"))
    return f"v1.LabelSelector{{MatchLabels:{labels}, MatchExpressions:{listed}}}"


def _go_requirement(expression: Object) -> str:
    values = expression.get("values")
    shown = "[]string(nil)" if values is None else f"[]string{{{', '.join(map(quoted, values))}}}"
    key, operator = quoted(expression.get("key", "")), quoted(expression.get("operator", ""))
    return f"v1.LabelSelectorRequirement{{Key:{key}, Operator:{operator}, Values:{shown}}}"
