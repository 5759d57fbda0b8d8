"""Brings an API server to what a store declares, by few writes, objects as old as declared."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from lab.kube.client import ENDPOINT_SLICES, PODS, SERVICES, ApiError, GroupResource, Object, Store, clone
from tests.mesh.cluster import when
from tests.planes.api import KINDS, Api

Place = tuple[GroupResource, str, str]

FOREIGN = {(SERVICES, "default", "kubernetes")}
"""Of the API server itself."""


@dataclass
class Written:
    """What has been written of a store so far. Of pods only labels follow: they are made elsewhere."""

    api: Api
    store: Store
    _declared: dict[Place, Object] = field(default_factory=dict)
    _stored: dict[Place, Object] = field(default_factory=dict)

    def pending(self) -> bool:
        return self._declared != self._wanted()

    def bring(self, events: Counter[str]) -> None:
        """Write what has changed, and count what a watcher will see of it, by kind. Raises ApiError."""
        wanted = self._wanted()
        gone = [place for place in self._declared if place not in wanted]
        gone += self._of_the_wrong_age(wanted)
        with ThreadPoolExecutor(8) as pool:
            seen = list(pool.map(self._delete, gone))
            changed = [place for place, obj in wanted.items() if obj != self._declared.get(place)]
            old = [place for place in changed if place in self._stored]
            seen += pool.map(lambda place: self._replace(place, wanted[place]), old)
            new = sorted((place for place in changed if place not in self._stored), key=_age_in(wanted))
            created: list[Place] = []
            for second, places in groupby(new, key=_age_in(wanted)):
                _await_a_second_after(self._stored[created[-1]] if created else None, second)
                group = list(places)
                seen += pool.map(lambda place: self._create(place, wanted[place]), group)
                created += group
        for (key, _, _), changes in zip([*gone, *old, *created], seen, strict=True):
            events[KINDS[key.plural]] += changes

    def adopt(self, key: GroupResource, namespace: str, name: str) -> None:
        """An object is there already, as it is declared."""
        place = key, namespace, name
        stored = self.api.get(*place)
        assert stored
        self._declared[place] = self._wanted()[place]
        self._stored[place] = stored

    def _wanted(self) -> dict[Place, Object]:
        found = {}
        for key in self.store.keys():  # noqa: SIM118 (a store is no mapping)
            for obj in self.store.list(key) if key != ENDPOINT_SLICES else ():
                place = key, obj["metadata"].get("namespace", ""), obj["metadata"]["name"]
                if place not in FOREIGN:
                    found[place] = _as_declared(obj, _DECLARED_OF_PODS if key == PODS else _DECLARED)
        return found

    def _of_the_wrong_age(self, wanted: Mapping[Place, Object]) -> list[Place]:
        """Objects that have to be made anew, because others of their kind are to be older or younger."""
        aged = {place[0] for place, obj in wanted.items() if _age(obj) > when(0)}
        changed = {place[0] for place, obj in wanted.items() if self._declared.get(place) != obj}
        return [place for place in wanted if place[0] in aged & changed and place in self._stored]

    def _create(self, place: Place, declared: Object) -> bool:
        """Whether that changes anything; so below. Others may have made it already."""
        key = place[0]
        metadata = {**declared["metadata"]}
        metadata.pop("creationTimestamp", None)
        try:
            self._stored[place] = self.api.create(key, {**declared, "metadata": metadata})
        except ApiError as error:
            present = self.api.get(*place)
            if error.code != 409 or present is None:
                raise
            self._stored[place] = present
            return self._replace(place, declared)
        self._declared[place] = declared
        return True

    def _replace(self, place: Place, declared: Object) -> bool:
        key, namespace, name = place
        before = self._stored[place]["metadata"]["resourceVersion"]
        if key == PODS:
            patch = {"metadata": {"labels": declared["metadata"]["labels"]}}
            self._stored[place] = self.api.merge(key, namespace, name, patch)
        else:
            stored = clone(self._stored[place])
            stored["metadata"]["annotations"] = declared["metadata"].get("annotations", {})
            stored["metadata"].pop("managedFields", None)
            stored["spec"] = declared["spec"] if key != SERVICES else _of_service(stored, declared)
            self._stored[place] = self.api.replace(key, stored)
        self._declared[place] = declared
        return bool(self._stored[place]["metadata"]["resourceVersion"] != before)

    def _delete(self, place: Place) -> bool:
        self._declared.pop(place, None)
        if not self._stored.pop(place, None):
            return False
        try:
            self.api.delete(*place)
        except ApiError as error:
            if error.code != 404:
                raise
            return False
        return True


_DECLARED_OF_PODS = ("name", "namespace", "labels")
_DECLARED = ("name", "namespace", "labels", "annotations", "creationTimestamp")


def _as_declared(obj: Object, metadata: Collection[str]) -> Object:
    """Without what a store adds by itself, or what never follows. Specs may be changed in place later."""
    declared = {
        "metadata": {name: value for name, value in obj["metadata"].items() if name in metadata},
        "spec": obj["spec"] if metadata is _DECLARED else {},
    }
    return clone(declared)


def _of_service(stored: Object, declared: Object) -> Object:
    """What is declared; the address stays, which cannot be changed."""
    return {**stored["spec"], **declared["spec"], "clusterIP": stored["spec"]["clusterIP"]}


def _age(obj: Object) -> str:
    return str(obj["metadata"].get("creationTimestamp", when(0)))


def _age_in(wanted: Mapping[Place, Object]) -> Any:
    return lambda place: _age(wanted[place])


def _await_a_second_after(last: Object | None, second: str) -> None:
    """Timestamps are whole seconds: the younger is made in a later one, what is of one age in one."""
    now = datetime.now(UTC)
    late = now.microsecond > 500_000 and second > when(0)
    same = last is not None and last["metadata"]["creationTimestamp"] >= now.strftime("%Y-%m-%dT%H:%M:%SZ")
    if late or same:
        time.sleep(1 - now.microsecond / 1_000_000 + 0.01)
