"""Defaults and rules of the kinds that are only stored, as clients that read them back expect."""

from __future__ import annotations

from typing import Any

from lab.golang import printing
from lab.kube import errors
from lab.kube.errors import Cause
from lab.kube.kinds.workloads import apply_template_defaults
from lab.kube.objects import Object, clone

_RBAC = "rbac.authorization.k8s.io"


def _fill(obj: Object, defaults: dict[str, Any]) -> None:
    for field, value in defaults.items():
        obj.setdefault(field, clone(value))


def apply_daemonset_defaults(daemonset: Object) -> None:
    spec = daemonset.setdefault("spec", {})
    _fill(spec, {"revisionHistoryLimit": 10, "updateStrategy": {}})
    if spec["updateStrategy"].setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = spec["updateStrategy"].setdefault("rollingUpdate", {})
        _fill(rolling, {"maxUnavailable": 1, "maxSurge": 0})
    apply_template_defaults(spec)


def apply_job_defaults(job: Object) -> None:
    spec = job.setdefault("spec", {})
    if "completions" not in spec and "parallelism" not in spec:
        spec["completions"] = 1
    _fill(
        spec,
        {
            "parallelism": 1,
            "backoffLimit": 6,
            "completionMode": "NonIndexed",
            "suspend": False,
            "podReplacementPolicy": "TerminatingOrFailed",
        },
    )
    apply_template_defaults(spec)


def apply_cronjob_defaults(cronjob: Object) -> None:
    spec = cronjob.setdefault("spec", {})
    _fill(
        spec,
        {
            "concurrencyPolicy": "Allow",
            "suspend": False,
            "successfulJobsHistoryLimit": 3,
            "failedJobsHistoryLimit": 1,
        },
    )
    template = spec.setdefault("jobTemplate", {})
    template.setdefault("metadata", {})
    apply_template_defaults(template.setdefault("spec", {}))


def apply_autoscaler_defaults(autoscaler: Object) -> None:
    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}
    defaults = {"minReplicas": 1, "metrics": [{"type": "Resource", "resource": cpu}]}
    _fill(autoscaler.setdefault("spec", {}), defaults)


def apply_network_policy_defaults(policy: Object) -> None:
    spec = policy.setdefault("spec", {})
    spec.setdefault("policyTypes", ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"])
    for direction in ("ingress", "egress"):
        for rule in spec.get(direction) or ():
            for port in rule.get("ports") or ():
                port.setdefault("protocol", "TCP")


def apply_priority_class_defaults(priority_class: Object) -> None:
    priority_class.setdefault("preemptionPolicy", "PreemptLowerPriority")


def apply_admission_policy_defaults(policy: Object) -> None:
    """Of a policy and of its binding."""
    spec = policy.setdefault("spec", {})
    if policy["kind"] == "ValidatingAdmissionPolicy":
        spec.setdefault("failurePolicy", "Fail")
    for field in ("matchConstraints", "matchResources"):
        if (matched := spec.get(field)) is None:
            continue
        _fill(matched, {"matchPolicy": "Equivalent", "namespaceSelector": {}, "objectSelector": {}})
        for rule in (*(matched.get("resourceRules") or ()), *(matched.get("excludeResourceRules") or ())):
            rule.setdefault("scope", "*")


def apply_binding_defaults(binding: Object) -> None:
    if isinstance(reference := binding.get("roleRef"), dict) and not reference.get("apiGroup"):
        reference["apiGroup"] = _RBAC
    for subject in binding.get("subjects") or ():
        if subject.get("kind") in ("User", "Group") and not subject.get("apiGroup"):
            subject["apiGroup"] = _RBAC


def check_binding(binding: Object, old: Object | None) -> list[Cause]:
    reference = binding["roleRef"]
    kinds: tuple[str, ...] = ("Role", "ClusterRole")
    if binding["kind"] == "ClusterRoleBinding":
        kinds = kinds[1:]
    causes = []
    if reference["kind"] not in kinds:
        causes.append(errors.unsupported_value("roleRef.kind", reference["kind"], kinds))
    if not reference["name"]:
        causes.append(errors.required("roleRef.name"))
    if old is not None and reference != old["roleRef"]:
        fields = {"APIGroup": "apiGroup", "Kind": "kind", "Name": "name"}
        shown = ", ".join(
            f"{name}:{printing.quoted(reference.get(field, ''))}" for name, field in fields.items()
        )
        message = f"Invalid value: rbac.RoleRef{{{shown}}}: cannot change roleRef"
        causes.append(Cause("FieldValueInvalid", "roleRef", message))
    return causes
