"""ReplicaSets: the requested number of pods, and the status that counts them."""

from __future__ import annotations

from collections.abc import Iterable

from lab.kube.controllers.loop import MANAGER, RETRY, Request
from lab.kube.controllers.owners import controlled, controller_of, controller_reference
from lab.kube.controllers.pods import is_active, is_ready, seconds_until_available
from lab.kube.errors import ApiError
from lab.kube.group_resources import PODS, REPLICA_SETS
from lab.kube.objects import Object, clone
from lab.kube.store import WatchEvent
from lab.kube.timestamps import now
from lab.kube.writing.controller_client import ControllerClient

COMPONENT = "replicaset-controller"


class ReplicaSets:
    name = "replicaset"
    watches = (REPLICA_SETS, PODS)

    def __init__(self, objects: ControllerClient) -> None:
        self._objects = objects

    def affected(self, event: WatchEvent) -> Iterable[Request]:
        metadata = event.object["metadata"]
        if event.key == REPLICA_SETS:
            yield Request(metadata["namespace"], metadata["name"])
            return
        owner = controller_of(event.object)
        if owner is not None and owner["kind"] == "ReplicaSet":
            yield Request(metadata["namespace"], owner["name"])

    async def reconcile(self, request: Request) -> float | None:
        replica_set = self._objects.store.get(REPLICA_SETS, *request)
        if replica_set is None:
            return None
        refusal: ApiError | None = None
        if "deletionTimestamp" not in replica_set["metadata"]:
            refusal = await self._scale(replica_set)
        pods = [pod for pod in controlled(self._objects.store, PODS, replica_set) if is_active(pod)]
        waits = [seconds_until_available(pod, replica_set["spec"].get("minReadySeconds", 0)) for pod in pods]
        status = _status(replica_set, pods, available=waits.count(0.0), refusal=refusal)
        self._objects.set_status(REPLICA_SETS, *request, status, manager=MANAGER)
        later = [wait for wait in waits if wait]
        if refusal is not None:
            later.append(RETRY)
        return min(later, default=None)

    async def _scale(self, replica_set: Object) -> ApiError | None:
        """Creates or deletes pods; returns why one could not be created."""
        active = [pod for pod in controlled(self._objects.store, PODS, replica_set) if is_active(pod)]
        missing = replica_set["spec"]["replicas"] - len(active)
        for _ in range(missing):
            try:
                pod = await self._objects.create(PODS, _pod(replica_set), manager=MANAGER)
            except ApiError as error:
                self._tell(replica_set, "FailedCreate", f"Error creating: {error.message}", warning=True)
                return error
            self._tell(replica_set, "SuccessfulCreate", f"Created pod: {pod['metadata']['name']}")
        # Those that serve nobody go first, then the youngest.
        youngest_first = list(reversed(active))
        for pod in sorted(youngest_first, key=is_ready)[: max(0, -missing)]:
            name = pod["metadata"]["name"]
            await self._objects.delete(PODS, pod["metadata"]["namespace"], name)
            self._tell(replica_set, "SuccessfulDelete", f"Deleted pod: {name}")
        return None

    def _tell(self, replica_set: Object, reason: str, message: str, *, warning: bool = False) -> None:
        self._objects.emit(
            replica_set,
            reason=reason,
            message=message,
            type="Warning" if warning else "Normal",
            component=COMPONENT,
        )


def _pod(replica_set: Object) -> Object:
    metadata, template = replica_set["metadata"], clone(replica_set["spec"]["template"])
    taken = {
        key: template["metadata"][key] for key in ("labels", "annotations") if template["metadata"].get(key)
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            **taken,
            "generateName": f"{metadata['name']}-",
            "namespace": metadata["namespace"],
            "ownerReferences": [controller_reference("ReplicaSet", replica_set)],
        },
        "spec": template["spec"],
    }


def _status(replica_set: Object, pods: list[Object], *, available: int, refusal: ApiError | None) -> Object:
    wanted = (replica_set["spec"]["template"].get("metadata") or {}).get("labels") or {}
    labelled = sum(wanted.items() <= (pod["metadata"].get("labels") or {}).items() for pod in pods)
    counts = {
        "fullyLabeledReplicas": labelled,
        "readyReplicas": sum(map(is_ready, pods)),
        "availableReplicas": available,
        "observedGeneration": replica_set["metadata"]["generation"],
    }
    status: Object = {"replicas": len(pods)} | {name: count for name, count in counts.items() if count}
    if refusal is not None:
        before: Object = next(iter((replica_set.get("status") or {}).get("conditions") or ()), {})
        same = before.get("message") == refusal.message
        status["conditions"] = [
            {
                "type": "ReplicaFailure",
                "status": "True",
                "reason": "FailedCreate",
                "message": refusal.message,
                "lastTransitionTime": before["lastTransitionTime"] if same else now(),
            }
        ]
    return status
