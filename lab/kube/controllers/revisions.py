"""The pod templates that a StatefulSet has had, as ControllerRevisions: `kubectl rollout undo` reads them."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from lab.kube.controllers.loop import MANAGER
from lab.kube.controllers.owners import controlled, controller_reference
from lab.kube.controllers.templates import template_hash
from lab.kube.group_resources import CONTROLLER_REVISIONS
from lab.kube.objects import Object, clone
from lab.kube.writing.controller_client import ControllerClient

HASH_LABEL = "controller-revision-hash"


@dataclass(frozen=True)
class Revisions:
    """All revisions of a StatefulSet: the one that its pods should have, and the one that they had before."""

    every: tuple[Object, ...]
    current: Object
    update: Object
    objects: ControllerClient

    @property
    def current_name(self) -> str:
        return str(self.current["metadata"]["name"])

    @property
    def update_name(self) -> str:
        return str(self.update["metadata"]["name"])

    async def forget_history(self, used: Container[str], limit: int) -> None:
        """Deletes the oldest that no pod has, beyond the limit."""
        kept = (self.current_name, self.update_name)
        history = [
            each
            for each in sorted(self.every, key=lambda each: each["revision"])
            if each["metadata"]["name"] not in kept and each["metadata"]["name"] not in used
        ]
        for each in history[: max(0, len(history) - limit)]:
            await self.objects.delete(
                CONTROLLER_REVISIONS, each["metadata"]["namespace"], each["metadata"]["name"]
            )


async def revisions_of(stateful_set: Object, objects: ControllerClient) -> Revisions:
    """The revisions, with one for the present template, which is made or gets the highest number."""
    every = controlled(objects.store, CONTROLLER_REVISIONS, stateful_set)
    data = {"spec": {"template": {**stateful_set["spec"]["template"], "$patch": "replace"}}}
    last = max((each["revision"] for each in every), default=0)
    update = next((each for each in every if each["data"] == data), None)
    if update is None:
        update = await objects.create(
            CONTROLLER_REVISIONS, _revision(stateful_set, data, last + 1), manager=MANAGER
        )
        every.append(update)
    elif update["revision"] < last:
        again = clone(update)
        again["revision"] = last + 1
        update = await objects.update(CONTROLLER_REVISIONS, again, manager=MANAGER)
    named = (stateful_set.get("status") or {}).get("currentRevision")
    current = next((each for each in every if each["metadata"]["name"] == named), update)
    return Revisions(tuple(every), current, update, objects)


def _revision(stateful_set: Object, data: Object, number: int) -> Object:
    metadata, template = stateful_set["metadata"], stateful_set["spec"]["template"]
    short = template_hash(template)
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            "name": f"{metadata['name']}-{short}",
            "namespace": metadata["namespace"],
            "labels": {**(template["metadata"].get("labels") or {}), "controller.kubernetes.io/hash": short},
            "ownerReferences": [controller_reference("StatefulSet", stateful_set)],
        },
        "data": data,
        "revision": number,
    }
