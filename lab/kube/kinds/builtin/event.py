"""Events: what happened to an object."""

from __future__ import annotations

from lab.kube.group_resources import EVENTS
from lab.kube.kinds.printers import NAME, Column, since
from lab.kube.kinds.resources import native
from lab.kube.objects import Object

_FIELDS = (
    *(
        f"involvedObject.{field}"
        for field in ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
    ),
    "reason",
    "reportingComponent",
    "source",
    "type",
)


def _event_object(event: Object) -> str:
    about = event.get("involvedObject") or {}
    return f"{about.get('kind', '').lower()}/{about.get('name', '')}"


def _event_source(event: Object) -> str:
    source = event.get("source") or {}
    return ", ".join(part for part in (source.get("component"), source.get("host")) if part)


RESOURCES = (
    native(
        "io.k8s.api.core.v1.Event",
        EVENTS,
        short_names=("ev",),
        fields=_FIELDS,
        columns=(
            Column("Last Seen", lambda obj: since(obj.get("lastTimestamp") or obj.get("eventTime"))),
            Column("Type", lambda obj: obj.get("type", "")),
            Column("Reason", lambda obj: obj.get("reason", "")),
            Column("Object", _event_object),
            Column(
                "Subobject", lambda obj: (obj.get("involvedObject") or {}).get("fieldPath", ""), priority=1
            ),
            Column("Source", _event_source, priority=1),
            Column("Message", lambda obj: (obj.get("message") or "").strip()),
            Column(
                "First Seen", lambda obj: since(obj.get("firstTimestamp") or obj.get("eventTime")), priority=1
            ),
            Column("Count", lambda obj: obj.get("count") or 1, "integer", priority=1),
            Column("Name", NAME.value, priority=1),
        ),
    ),
)
