"""Jobs and CronJobs, which are only stored."""

from __future__ import annotations

from datetime import UTC, datetime

from lab.kube.kinds.pod_templates import NO_PODS, apply_template_defaults, fill
from lab.kube.kinds.printers import (
    AGE,
    NAME,
    NONE,
    SELECTOR,
    Column,
    duration,
    of_spec,
    of_template,
    since,
    spec_of,
    status_of,
)
from lab.kube.kinds.resources import native
from lab.kube.kinds.strategies import Strategy
from lab.kube.objects import GroupResource, Object
from lab.kube.timestamps import moment_of


def _job_defaults(job: Object) -> None:
    spec = job.setdefault("spec", {})
    if "completions" not in spec and "parallelism" not in spec:
        spec["completions"] = 1
    fill(
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


def _cronjob_defaults(cronjob: Object) -> None:
    spec = cronjob.setdefault("spec", {})
    fill(
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


RESOURCES = (
    native(
        "io.k8s.api.batch.v1.Job",
        GroupResource("batch", "jobs"),
        categories=("all",),
        subresources=("status",),
        has_generation=True,
        columns=(
            NAME,
            Column("Status", _job_status),
            Column("Completions", _job_completions),
            Column("Duration", _job_duration),
            AGE,
            *of_template(),
            SELECTOR,
        ),
        notice=NO_PODS.format("Job"),
        strategy=Strategy(defaults=_job_defaults),
    ),
    native(
        "io.k8s.api.batch.v1.CronJob",
        GroupResource("batch", "cronjobs"),
        short_names=("cj",),
        categories=("all",),
        subresources=("status",),
        has_generation=True,
        columns=(
            NAME,
            of_spec("schedule", "Schedule"),
            of_spec("timeZone", "Timezone", NONE),
            Column("Suspend", lambda obj: str(spec_of(obj).get("suspend", False))),
            Column("Active", lambda obj: len(status_of(obj).get("active") or ()), "integer"),
            Column("Last Schedule", _last_schedule),
            AGE,
            *of_template(lambda obj: spec_of(obj).get("jobTemplate") or {}),
        ),
        notice=NO_PODS.format("CronJob"),
        strategy=Strategy(defaults=_cronjob_defaults),
    ),
)
