"""The columns of `kubectl get`, and the functions for their cells."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from lab.kube.objects import Json, Object
from lab.kube.timestamps import moment_of

NONE = "<none>"


class Column(NamedTuple):
    """One column of `kubectl get`. Priority above 0 is shown with `-o wide` only."""

    name: str
    value: Callable[[Object], Json]
    type: str = "string"
    priority: int = 0
    description: str = ""


def since(timestamp: object) -> str:
    """The age of a time stamp: `37s`, `5m10s`, `3d4h`."""
    then = moment_of(timestamp)
    if then is None:
        return "<unknown>"
    return duration(int((datetime.now(UTC) - then).total_seconds()))


def duration(seconds: int) -> str:
    """Seconds in the two largest units that matter, as kubectl prints them."""
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if seconds < -1:
        return "<invalid>"
    if seconds < 120:
        return f"{max(seconds, 0)}s"
    if minutes < 10:
        return _pair(minutes, "m", seconds % 60, "s")
    if hours < 3:
        return f"{minutes}m"
    if hours < 8:
        return _pair(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return _pair(days, "d", hours % 24, "h")
    if days < 730:
        return f"{days}d"
    return _pair(days // 365, "y", days % 365, "d") if days < 2920 else f"{days // 365}y"


def _pair(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large}{large_unit}" + (f"{small}{small_unit}" if small else "")


def spec_of(obj: Object) -> Object:
    return obj.get("spec") or {}


def status_of(obj: Object) -> Object:
    return obj.get("status") or {}


def joined(items: Iterable[object]) -> str:
    return ",".join(str(item) for item in items) or NONE


def labels(pairs: Mapping[str, str] | None) -> str:
    return joined(f"{key}={value}" for key, value in sorted((pairs or {}).items()))


def label_selector(selector: Object | None) -> str:
    """A LabelSelector as text."""
    selector = selector or {}
    parts = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for expression in selector.get("matchExpressions") or []:
        key, values = expression["key"], ",".join(sorted(expression.get("values") or []))
        parts.append(
            {
                "In": f"{key} in ({values})",
                "NotIn": f"{key} notin ({values})",
                "Exists": key,
                "DoesNotExist": f"!{key}",
            }[expression["operator"]]
        )
    return joined(parts)


def few(items: list[str], otherwise: str = NONE, shown: int = 3) -> str:
    """The first of them, and how many more there are."""
    if len(items) > shown:
        return f"{','.join(items[:shown])} + {len(items) - shown} more..."
    return ",".join(items) or otherwise


NAME = Column("Name", lambda obj: obj["metadata"]["name"])
AGE = Column("Age", lambda obj: since(obj["metadata"].get("creationTimestamp")))
DEFAULT = (NAME, AGE)
CREATED = (NAME, Column("Created At", lambda obj: obj["metadata"].get("creationTimestamp")))
"""The default column."""


def of_spec(
    field: str, column: str, otherwise: Json = "", type_: str = "string", *, priority: int = 0
) -> Column:
    """A field of the spec."""
    return Column(column, lambda obj: spec_of(obj).get(field, otherwise), type_, priority)


def count(field: str, column: str) -> Column:
    """A number in the status."""
    return Column(column, lambda obj: status_of(obj).get(field, 0), "integer")


READY_REPLICAS = Column(
    "Ready", lambda obj: f"{status_of(obj).get('readyReplicas', 0)}/{spec_of(obj).get('replicas', 0)}"
)
SELECTOR = Column("Selector", lambda obj: label_selector(spec_of(obj).get("selector")), priority=1)


def of_template(owner: Callable[[Object], Object] = lambda obj: obj) -> tuple[Column, Column]:
    """Names and images of the containers that an object's pod template describes."""

    def column(name: str, field: str) -> Column:
        def value(obj: Object) -> str:
            pod = spec_of(spec_of(owner(obj)).get("template") or {})
            return joined(container.get(field, "") for container in pod.get("containers") or [])

        return Column(name, value, priority=1)

    return column("Containers", "name"), column("Images", "image")
