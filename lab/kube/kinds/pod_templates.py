"""The common parts of Deployments, StatefulSets and the like: a selector and a pod template."""

from __future__ import annotations

from lab.golang.printing import quoted
from lab.kube import errors
from lab.kube.errors import Cause, go_string_map
from lab.kube.kinds.metadata import check_labels
from lab.kube.kinds.podspec import apply_podspec_defaults, check_podspec
from lab.kube.kinds.protobuf_messages import (
    METADATA,
    Field,
    Message,
    Scalar,
    integer,
    many,
    optional,
    string,
    string_map,
    strings,
)
from lab.kube.kinds.selectors import match_label_selector
from lab.kube.objects import Object, clone

NO_PODS = "nothing in this cluster acts on a {}: it is stored, but no pods come of it"
"""The warning for such a kind that is only stored."""

_OPERATORS = ("DoesNotExist", "Exists", "In", "NotIn")


CONTAINER: Message = {
    1: string("name"),
    2: string("image"),
    3: strings("command"),
    4: strings("args"),
    5: string("workingDir"),
    6: many(
        "ports",
        {
            1: string("name"),
            2: integer("hostPort"),
            3: integer("containerPort"),
            4: string("protocol"),
            5: string("hostIP"),
        },
    ),
    7: many("env", {1: string("name"), 2: string("value")}),
    8: Field("resources", {}),
    13: string("terminationMessagePath"),
    14: string("imagePullPolicy"),
    16: Field("stdin", Scalar.BOOLEAN),
    17: Field("stdinOnce", Scalar.BOOLEAN),
    18: Field("tty", Scalar.BOOLEAN),
    20: string("terminationMessagePolicy"),
}
POD_SPEC: Message = {
    2: many("containers", CONTAINER),
    3: string("restartPolicy"),
    4: optional("terminationGracePeriodSeconds", Scalar.INTEGER),
    6: string("dnsPolicy"),
    7: string_map("nodeSelector"),
    8: string("serviceAccountName"),
    9: string("serviceAccount"),
    10: string("nodeName"),
    11: Field("hostNetwork", Scalar.BOOLEAN),
    12: Field("hostPID", Scalar.BOOLEAN),
    13: Field("hostIPC", Scalar.BOOLEAN),
    16: string("hostname"),
    17: string("subdomain"),
    19: string("schedulerName"),
    20: many("initContainers", CONTAINER),
    24: string("priorityClassName"),
}
POD_TEMPLATE: Message = {1: METADATA, 2: Field("spec", POD_SPEC)}


def fill(obj: Object, defaults: Object) -> None:
    """Sets the fields that are not there yet."""
    for field, value in defaults.items():
        obj.setdefault(field, clone(value))


def apply_template_defaults(spec: Object) -> None:
    """Of the pods that a workload's spec describes."""
    template = spec.setdefault("template", {})
    template.setdefault("metadata", {})
    apply_podspec_defaults(template.setdefault("spec", {}))


def check_workload(spec: Object, old: Object | None, kind: str) -> list[Cause]:
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
    key, operator = (
        quoted(expression.get("key", "")),
        quoted(expression.get("operator", "")),
    )
    return f"v1.LabelSelectorRequirement{{Key:{key}, Operator:{operator}, Values:{shown}}}"
