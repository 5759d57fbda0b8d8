"""HorizontalPodAutoscalers, which are only stored."""

from __future__ import annotations

from lab.kube.kinds.pod_templates import fill
from lab.kube.kinds.printers import AGE, NAME, NONE, Column, count, of_spec, spec_of
from lab.kube.kinds.resources import native
from lab.kube.kinds.strategies import Strategy
from lab.kube.objects import GroupResource, Object


def _defaults(autoscaler: Object) -> None:
    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}
    defaults = {"minReplicas": 1, "metrics": [{"type": "Resource", "resource": cpu}]}
    fill(autoscaler.setdefault("spec", {}), defaults)


def _target(metric: Object) -> str:
    """One metric of an autoscaler, of which nothing here ever measures the current value."""
    source = metric.get(metric["type"][0].lower() + metric["type"][1:]) or {}
    target = source.get("target") or {}
    name = source.get("name") or (source.get("metric") or {}).get("name", "")
    average = target.get("averageUtilization")
    wanted = f"{average}%" if average is not None else target.get("averageValue") or target.get("value", "")
    label = f"{name}: " if metric["type"] in ("Resource", "ContainerResource") else ""
    return f"{label}<unknown>/{wanted}"


def _targets(autoscaler: Object) -> str:
    found = [_target(metric) for metric in spec_of(autoscaler).get("metrics") or ()]
    if len(found) > 2:
        return f"{', '.join(found[:2])} + {len(found) - 2} more..."
    return ", ".join(found) or NONE


def _scaled(autoscaler: Object) -> str:
    target = spec_of(autoscaler).get("scaleTargetRef") or {}
    return f"{target.get('kind')}/{target.get('name')}"


RESOURCES = (
    native(
        "io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler",
        GroupResource("autoscaling", "horizontalpodautoscalers"),
        version="v2",
        short_names=("hpa",),
        categories=("all",),
        subresources=("status",),
        columns=(
            NAME,
            Column("Reference", _scaled),
            Column("Targets", _targets),
            Column("MinPods", lambda obj: str(spec_of(obj).get("minReplicas", "<unset>"))),
            of_spec("maxReplicas", "MaxPods", 0, "integer"),
            count("currentReplicas", "Replicas"),
            AGE,
        ),
        strategy=Strategy(defaults=_defaults),
    ),
)
