"""StatefulSets: pods with stable names, created, replaced and deleted one after the other.

What is to be done next is decided by `lab.kube.controllers.ordinals`; here it is done, and told in the status
and the events that `kubectl rollout` and `kubectl describe` read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from lab.kube.controllers import ordinals
from lab.kube.controllers.loop import MANAGER, RETRY, Request
from lab.kube.controllers.ordinals import Create, Delete, Member
from lab.kube.controllers.owners import adopt, controlled, controller_of, controller_reference
from lab.kube.controllers.pods import is_finished, is_ready, is_terminating, seconds_until_available
from lab.kube.controllers.revisions import HASH_LABEL, Revisions, revisions_of
from lab.kube.errors import ApiError
from lab.kube.group_resources import CONTROLLER_REVISIONS, PODS, STATEFUL_SETS
from lab.kube.objects import Object, clone
from lab.kube.store import WatchEvent
from lab.kube.writing.controller_client import ControllerClient

KIND = "StatefulSet"
COMPONENT = "statefulset-controller"
POD_NAME_LABEL = "statefulset.kubernetes.io/pod-name"
INDEX_LABEL = "apps.kubernetes.io/pod-index"

NO_VOLUMES = "this cluster has no persistent volumes, as spec.volumeClaimTemplates asks for"


class StatefulSets:
    name = "statefulset"
    watches = (STATEFUL_SETS, PODS)

    def __init__(self, objects: ControllerClient) -> None:
        self._objects = objects

    def affected(self, event: WatchEvent) -> Iterable[Request]:
        metadata = event.object["metadata"]
        if event.key == STATEFUL_SETS:
            yield Request(metadata["namespace"], metadata["name"])
            return
        owner = controller_of(event.object)
        if owner is not None and owner["kind"] == KIND:
            yield Request(metadata["namespace"], owner["name"])

    async def reconcile(self, request: Request) -> float | None:
        stateful_set = self._objects.store.get(STATEFUL_SETS, *request)
        if stateful_set is None or "deletionTimestamp" in stateful_set["metadata"]:
            return None
        await adopt(self._objects, CONTROLLER_REVISIONS, KIND, stateful_set)
        await adopt(
            self._objects, PODS, KIND, stateful_set, lambda pod: _ordinal(stateful_set, pod) is not None
        )
        revisions = await revisions_of(stateful_set, self._objects)
        again: list[float] = []
        try:
            await self._step(stateful_set, revisions)
        except ApiError as refusal:
            if refusal.reason == "Conflict":
                raise
            again.append(RETRY)
        members = self._members(stateful_set)
        status = _status(stateful_set, members, revisions)
        self._objects.set_status(STATEFUL_SETS, *request, status, manager=MANAGER)
        if status["currentRevision"] == status["updateRevision"]:
            await revisions.forget_history(
                {member.revision for member in members}, stateful_set["spec"].get("revisionHistoryLimit", 10)
            )
        waits = [member.seconds_until_available for member in members]
        return min([*again, *(wait for wait in waits if wait)], default=None)

    def _members(self, stateful_set: Object) -> list[Member]:
        least_ready = stateful_set["spec"].get("minReadySeconds", 0)
        return [
            Member(
                ordinal=ordinal,
                name=pod["metadata"]["name"],
                revision=(pod["metadata"].get("labels") or {}).get(HASH_LABEL, ""),
                ready=is_ready(pod),
                finished=is_finished(pod),
                terminating=is_terminating(pod),
                seconds_until_available=seconds_until_available(pod, least_ready),
            )
            for pod in controlled(self._objects.store, PODS, stateful_set)
            if (ordinal := _ordinal(stateful_set, pod)) is not None
        ]

    async def _step(self, stateful_set: Object, revisions: Revisions) -> None:
        namespace = stateful_set["metadata"]["namespace"]
        plan = ordinals.Plan.of(stateful_set["spec"], revisions.update_name)
        for action in ordinals.next_actions(plan, self._members(stateful_set)):
            match action:
                case Create(ordinal, updated):
                    await self._create(
                        stateful_set, ordinal, revisions.update if updated else revisions.current
                    )
                case Delete(name):
                    await self._objects.delete(PODS, namespace, name)
                    self._tell(stateful_set, "SuccessfulDelete", f"delete Pod {name}", "successful")

    async def _create(self, stateful_set: Object, ordinal: int, revision: Object) -> None:
        pod = _pod(stateful_set, ordinal, revision)
        what = f"create Pod {pod['metadata']['name']}"
        if stateful_set["spec"].get("volumeClaimTemplates"):
            self._tell(stateful_set, "FailedCreate", what, f"failed error: {NO_VOLUMES}", warning=True)
            return
        try:
            await self._objects.create(PODS, pod, manager=MANAGER)
        except ApiError as error:
            self._tell(stateful_set, "FailedCreate", what, f"failed error: {error.message}", warning=True)
            raise
        self._tell(stateful_set, "SuccessfulCreate", what, "successful")

    def _tell(
        self, stateful_set: Object, reason: str, what: str, outcome: str, *, warning: bool = False
    ) -> None:
        self._objects.emit(
            stateful_set,
            reason=reason,
            message=f"{what} in StatefulSet {stateful_set['metadata']['name']} {outcome}",
            type="Warning" if warning else "Normal",
            component=COMPONENT,
        )


def _ordinal(stateful_set: Object, pod: Object) -> int | None:
    """Which of the set's pods this is, by its name."""
    found = re.fullmatch(r"(.*)-(0|[1-9][0-9]*)", pod["metadata"]["name"])
    if found is None or found[1] != stateful_set["metadata"]["name"]:
        return None
    return int(found[2])


def _pod(stateful_set: Object, ordinal: int, revision: Object) -> Object:
    metadata = stateful_set["metadata"]
    template = clone(revision["data"]["spec"]["template"])
    name = f"{metadata['name']}-{ordinal}"
    labels = {
        **(template["metadata"].get("labels") or {}),
        INDEX_LABEL: str(ordinal),
        HASH_LABEL: revision["metadata"]["name"],
        POD_NAME_LABEL: name,
    }
    annotations = template["metadata"].get("annotations")
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": metadata["namespace"],
            "labels": labels,
            **({"annotations": annotations} if annotations else {}),
            "ownerReferences": [controller_reference(KIND, stateful_set)],
        },
        "spec": {
            **template["spec"],
            "hostname": name,
            **({"subdomain": subdomain} if (subdomain := stateful_set["spec"].get("serviceName")) else {}),
        },
    }


def _status(stateful_set: Object, members: list[Member], revisions: Revisions) -> Object:
    staying = [member for member in members if not member.terminating]
    ready = [member for member in members if member.ready and not member.finished]
    current, update = revisions.current_name, revisions.update_name
    counts = {
        "observedGeneration": stateful_set["metadata"]["generation"],
        "readyReplicas": len(ready),
        "currentReplicas": sum(member.revision == current for member in staying),
        "updatedReplicas": sum(member.revision == update for member in staying),
    }
    if (
        counts["updatedReplicas"]
        == counts["readyReplicas"]
        == len(members)
        == stateful_set["spec"]["replicas"]
    ):
        current, counts["currentReplicas"] = update, counts["updatedReplicas"]
    return {
        "replicas": len(members),
        **{name: count for name, count in counts.items() if count},
        "availableReplicas": sum(member.seconds_until_available == 0 for member in ready),
        "currentRevision": current,
        "updateRevision": update,
        "collisionCount": 0,
    }
