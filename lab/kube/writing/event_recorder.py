"""core/v1 Events; a repeated one increases the count."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from lab.kube.group_resources import EVENTS
from lab.kube.objects import Object
from lab.kube.store import Store
from lab.kube.timestamps import now

# Names that are no burden, whether their events are still there or not.
_FEW = 256
EventType = Literal["Normal", "Warning"]


class _Happening(NamedTuple):
    """What makes two events the same one."""

    uid: str
    field_path: str
    reason: str
    message: str
    type: str
    component: str


@dataclass
class EventRecorder:
    """Makes the Event objects; storing them is the write pipeline's part."""

    store: Store
    _names: dict[_Happening, tuple[str, str]] = field(default_factory=dict)
    _enough: int = _FEW

    def event(self, about: Object, *, reason: str, message: str, type_: EventType, component: str) -> Object:
        """The event to store: a new object, or the earlier one with its count raised."""
        metadata = about["metadata"]
        happening = _Happening(metadata.get("uid", ""), "", reason, message, type_, component)
        place = self._names.get(happening)
        earlier = self.store.get(EVENTS, *place) if place else None
        if earlier is not None:
            return {**earlier, "count": earlier.get("count", 1) + 1, "lastTimestamp": now()}
        self._forget_deleted()
        namespace = metadata.get("namespace") or "default"
        name = f"{metadata['name']}.{time.time_ns():x}"
        self._names[happening] = (namespace, name)
        involved = {
            "apiVersion": about.get("apiVersion"),
            "kind": about.get("kind"),
            "namespace": metadata.get("namespace"),
            "name": metadata["name"],
            "uid": metadata.get("uid"),
            "resourceVersion": metadata.get("resourceVersion"),
        }
        moment = now()
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": namespace},
            "involvedObject": {key: value for key, value in involved.items() if value},
            "reason": reason,
            "message": message,
            "type": type_,
            "source": {"component": component},
            "reportingComponent": component,
            "reportingInstance": "",
            "firstTimestamp": moment,
            "lastTimestamp": moment,
            "count": 1,
        }

    def _forget_deleted(self) -> None:
        """Looks at them all, but seldom: when there are twice as many as the last time."""
        if len(self._names) >= self._enough:
            self._names = {
                known: place for known, place in self._names.items() if self.store.get(EVENTS, *place)
            }
            self._enough = max(_FEW, 2 * len(self._names))
