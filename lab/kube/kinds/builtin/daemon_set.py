"""DaemonSets, which are only stored."""

from __future__ import annotations

from lab.kube.kinds.pod_templates import NO_PODS, apply_template_defaults, fill
from lab.kube.kinds.printers import AGE, NAME, SELECTOR, Column, count, joined, of_template, spec_of
from lab.kube.kinds.resources import native
from lab.kube.kinds.strategies import Strategy
from lab.kube.objects import GroupResource, Object


def _defaults(daemonset: Object) -> None:
    spec = daemonset.setdefault("spec", {})
    fill(spec, {"revisionHistoryLimit": 10, "updateStrategy": {}})
    if spec["updateStrategy"].setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = spec["updateStrategy"].setdefault("rollingUpdate", {})
        fill(rolling, {"maxUnavailable": 1, "maxSurge": 0})
    apply_template_defaults(spec)


RESOURCES = (
    native(
        "io.k8s.api.apps.v1.DaemonSet",
        GroupResource("apps", "daemonsets"),
        short_names=("ds",),
        categories=("all",),
        subresources=("status",),
        has_generation=True,
        columns=(
            NAME,
            count("desiredNumberScheduled", "Desired"),
            count("currentNumberScheduled", "Current"),
            count("numberReady", "Ready"),
            count("updatedNumberScheduled", "Up-to-date"),
            count("numberAvailable", "Available"),
            Column(
                "Node Selector",
                lambda obj: joined(
                    f"{key}={value}"
                    for key, value in sorted(
                        (spec_of(spec_of(obj).get("template") or {}).get("nodeSelector") or {}).items()
                    )
                ),
            ),
            AGE,
            *of_template(),
            SELECTOR,
        ),
        notice=NO_PODS.format("DaemonSet"),
        strategy=Strategy(defaults=_defaults),
    ),
)
