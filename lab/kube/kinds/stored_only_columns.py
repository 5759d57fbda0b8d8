"""The columns of `kubectl get` for the kinds that are only stored."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from lab.kube.kinds.columns import AGE, NAME, NONE, containers, joined, label_selector, spec_of, status_of
from lab.kube.kinds.printers import duration, since
from lab.kube.kinds.resources import Column
from lab.kube.objects import Object
from lab.kube.timestamps import moment_of

CREATED = (NAME, Column("Created At", lambda obj: obj["metadata"].get("creationTimestamp")))
"""What a kind shows that has no columns of its own."""


def _field(name: str, column: str, otherwise: Any = "", kind: str = "string", priority: int = 0) -> Column:
    return Column(column, lambda obj: spec_of(obj).get(name, otherwise), kind, priority)


def _count(name: str, column: str) -> Column:
    return Column(column, lambda obj: status_of(obj).get(name, 0), "integer")


def _of_template(owner: Callable[[Object], Object] = lambda obj: obj) -> tuple[Column, Column]:
    return (
        Column("Containers", lambda obj: containers(owner(obj), "name"), priority=1),
        Column("Images", lambda obj: containers(owner(obj), "image"), priority=1),
    )


_SELECTOR = Column("Selector", lambda obj: label_selector(spec_of(obj).get("selector")), priority=1)


def _subjects(kind: str, column: str) -> Column:
    def value(binding: Object) -> str:
        found = [subject for subject in binding.get("subjects") or () if subject["kind"] == kind]
        names = ((subject.get("namespace"), subject["name"]) for subject in found)
        return ", ".join("/".join(filter(None, name)) for name in names)

    return Column(column, value, priority=1)


_BINDING = (
    NAME,
    Column("Role", lambda obj: f"{obj['roleRef']['kind']}/{obj['roleRef']['name']}"),
    AGE,
    _subjects("User", "Users"),
    _subjects("Group", "Groups"),
    _subjects("ServiceAccount", "ServiceAccounts"),
)
_WEBHOOKS = (NAME, Column("Webhooks", lambda obj: len(obj.get("webhooks") or ()), "integer"), AGE)


def _has(obj: Object, *conditions: str) -> str:
    """The first of these conditions that is true, else ""."""
    true = {each["type"] for each in status_of(obj).get("conditions") or () if each.get("status") == "True"}
    return next((name for name in conditions if name in true), "")


def _job_status(job: Object) -> str:
    found = _has(job, "Complete", "Failed", "Suspended")
    if found:
        return found
    if "deletionTimestamp" in job["metadata"]:
        return "Terminating"
    return _has(job, "FailureTarget", "SuccessCriteriaMet") or "Running"


def _job_duration(job: Object) -> str:
    status = status_of(job)
    start = moment_of(status.get("startTime"))
    if start is None:
        return ""
    end = moment_of(status.get("completionTime")) or datetime.now(UTC)
    return duration(int((end - start).total_seconds()))


def _job_completions(job: Object) -> str:
    spec, done = spec_of(job), status_of(job).get("succeeded", 0)
    if (wanted := spec.get("completions")) is not None:
        return f"{done}/{wanted}"
    parallel = spec.get("parallelism") or 0
    return f"{done}/1 of {parallel}" if parallel > 1 else f"{done}/1"


def _last_schedule(cronjob: Object) -> str:
    last = status_of(cronjob).get("lastScheduleTime")
    return since(last) if last else NONE


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


def _csr_condition(csr: Object) -> str:
    found = [each["type"] for each in status_of(csr).get("conditions") or ()]
    words = [word for word in ("Approved", "Denied", "Failed") if word in found] or ["Pending"]
    if status_of(csr).get("certificate"):
        words.append("Issued")
    return ",".join(words)


def _csr_duration(csr: Object) -> str:
    seconds = spec_of(csr).get("expirationSeconds")
    return NONE if seconds is None else duration(seconds)


def _hosts(ingress: Object) -> str:
    found = [rule["host"] for rule in spec_of(ingress).get("rules") or () if rule.get("host")]
    if len(found) > 3:
        return f"{','.join(found[:3])} + {len(found) - 3} more..."
    return ",".join(found) or "*"


def _ingress_address(ingress: Object) -> str:
    entries = (status_of(ingress).get("loadBalancer") or {}).get("ingress") or ()
    return ",".join(entry.get("ip") or entry.get("hostname") or "" for entry in entries)


def _parameters(ingress_class: Object) -> str:
    reference = spec_of(ingress_class).get("parameters")
    if not reference:
        return NONE
    kind = ".".join(filter(None, (reference["kind"], reference.get("apiGroup"))))
    return f"{kind}/{reference['name']}"


COLUMNS: dict[str, tuple[Column, ...]] = {
    "ClusterRoleBinding": _BINDING,
    "RoleBinding": _BINDING,
    "MutatingWebhookConfiguration": _WEBHOOKS,
    "ValidatingWebhookConfiguration": _WEBHOOKS,
    "ValidatingAdmissionPolicy": (
        NAME,
        Column("Validations", lambda obj: len(spec_of(obj).get("validations") or ()), "integer"),
        Column(
            "ParamKind",
            lambda obj: "/".join(spec_of(obj).get("paramKind", {}).values()) or "<unset>",
        ),
        AGE,
    ),
    "ValidatingAdmissionPolicyBinding": (
        NAME,
        _field("policyName", "PolicyName"),
        Column("ParamRef", lambda obj: (spec_of(obj).get("paramRef") or {}).get("name") or "<unset>"),
        AGE,
    ),
    "DaemonSet": (
        NAME,
        _count("desiredNumberScheduled", "Desired"),
        _count("currentNumberScheduled", "Current"),
        _count("numberReady", "Ready"),
        _count("updatedNumberScheduled", "Up-to-date"),
        _count("numberAvailable", "Available"),
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
        *_of_template(),
        _SELECTOR,
    ),
    "HorizontalPodAutoscaler": (
        NAME,
        Column("Reference", _scaled),
        Column("Targets", _targets),
        Column("MinPods", lambda obj: str(spec_of(obj).get("minReplicas", "<unset>"))),
        _field("maxReplicas", "MaxPods", 0, "integer"),
        _count("currentReplicas", "Replicas"),
        AGE,
    ),
    "Job": (
        NAME,
        Column("Status", _job_status),
        Column("Completions", _job_completions),
        Column("Duration", _job_duration),
        AGE,
        *_of_template(),
        _SELECTOR,
    ),
    "CronJob": (
        NAME,
        _field("schedule", "Schedule"),
        _field("timeZone", "Timezone", NONE),
        Column("Suspend", lambda obj: str(spec_of(obj).get("suspend", False))),
        Column("Active", lambda obj: len(status_of(obj).get("active") or ()), "integer"),
        Column("Last Schedule", _last_schedule),
        AGE,
        *_of_template(lambda obj: spec_of(obj).get("jobTemplate") or {}),
    ),
    "CertificateSigningRequest": (
        NAME,
        AGE,
        _field("signerName", "SignerName"),
        _field("username", "Requestor"),
        Column("RequestedDuration", _csr_duration),
        Column("Condition", _csr_condition),
    ),
    "Ingress": (
        NAME,
        _field("ingressClassName", "Class", NONE),
        Column("Hosts", _hosts),
        Column("Address", _ingress_address),
        Column("Ports", lambda obj: "80, 443" if spec_of(obj).get("tls") else "80"),
        AGE,
    ),
    "IngressClass": (NAME, _field("controller", "Controller"), Column("Parameters", _parameters), AGE),
    "NetworkPolicy": (
        NAME,
        Column("Pod-Selector", lambda obj: label_selector(spec_of(obj).get("podSelector"))),
        AGE,
    ),
    "PodDisruptionBudget": (
        NAME,
        Column("Min Available", lambda obj: str(spec_of(obj).get("minAvailable", "N/A"))),
        Column("Max Unavailable", lambda obj: str(spec_of(obj).get("maxUnavailable", "N/A"))),
        _count("disruptionsAllowed", "Allowed Disruptions"),
        AGE,
    ),
    "PriorityClass": (
        NAME,
        Column("Value", lambda obj: obj.get("value", 0), "integer"),
        Column("Global-Default", lambda obj: bool(obj.get("globalDefault")), "boolean"),
        AGE,
        Column("PreemptionPolicy", lambda obj: obj.get("preemptionPolicy", "")),
    ),
}
