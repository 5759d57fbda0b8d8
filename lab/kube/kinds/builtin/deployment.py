"""Deployments."""

from __future__ import annotations

from lab.kube import errors
from lab.kube.errors import Cause
from lab.kube.group_resources import DEPLOYMENTS
from lab.kube.kinds.pod_templates import POD_TEMPLATE, apply_template_defaults, check_workload
from lab.kube.kinds.podspec import check_quantities
from lab.kube.kinds.printers import AGE, NAME, READY_REPLICAS, SELECTOR, count, of_template
from lab.kube.kinds.protobuf_messages import (
    LABEL_SELECTOR,
    METADATA,
    STATUS,
    Field,
    Message,
    Scalar,
    integer,
    optional,
    string,
)
from lab.kube.kinds.resources import native
from lab.kube.kinds.strategies import Strategy
from lab.kube.objects import Object


def _defaults(deployment: Object) -> None:
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
    check_quantities("Deployment", spec["template"]["spec"])


def _validate(deployment: Object, old: Object | None) -> list[Cause]:
    causes = check_workload(deployment["spec"], old, "deployment")
    causes += _check_strategy(deployment["spec"]["strategy"])
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


def _is_zero(amount: object) -> bool:
    return amount in (0, "0%")


_ROLLING_UPDATE: Message = {
    1: optional("maxUnavailable", Scalar.INT_OR_STRING),
    2: optional("maxSurge", Scalar.INT_OR_STRING),
}


RESOURCES = (
    native(
        "io.k8s.api.apps.v1.Deployment",
        DEPLOYMENTS,
        short_names=("deploy",),
        categories=("all",),
        subresources=("scale", "status"),
        has_generation=True,
        columns=(
            NAME,
            READY_REPLICAS,
            count("updatedReplicas", "Up-to-date"),
            count("availableReplicas", "Available"),
            AGE,
            *of_template(),
            SELECTOR,
        ),
        strategy=Strategy(defaults=_defaults, validate=_validate, complete=True),
        protobuf={
            1: METADATA,
            2: Field(
                "spec",
                {
                    1: optional("replicas", Scalar.INTEGER),
                    2: Field("selector", LABEL_SELECTOR, present=True),
                    3: Field("template", POD_TEMPLATE),
                    4: Field(
                        "strategy",
                        {1: string("type"), 2: Field("rollingUpdate", _ROLLING_UPDATE, present=True)},
                    ),
                    5: integer("minReadySeconds"),
                    6: optional("revisionHistoryLimit", Scalar.INTEGER),
                    7: Field("paused", Scalar.BOOLEAN),
                    9: optional("progressDeadlineSeconds", Scalar.INTEGER),
                },
            ),
            3: STATUS,
        },
    ),
)
