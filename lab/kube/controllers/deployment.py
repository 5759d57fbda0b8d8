"""Deployments: a ReplicaSet for each pod template, and rollouts from the old ones to the new one.

Revisions, annotations, events and conditions are those that `kubectl rollout` and `kubectl wait` read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from lab.kube.controllers import rollout
from lab.kube.controllers.deployment_status import conditions, progress_deadline
from lab.kube.controllers.loop import MANAGER, RETRY, Request
from lab.kube.controllers.owners import adopt, controlled, controller_of, controller_reference
from lab.kube.controllers.templates import HASH_LABEL, same_template, template_hash, with_hash
from lab.kube.errors import ApiError
from lab.kube.group_resources import DEPLOYMENTS, PODS, REPLICA_SETS
from lab.kube.objects import Object, clone
from lab.kube.store import WatchEvent
from lab.kube.writing.controller_client import ControllerClient

COMPONENT = "deployment-controller"
_PREFIX = "deployment.kubernetes.io/"
REVISION, HISTORY = f"{_PREFIX}revision", f"{_PREFIX}revision-history"
DESIRED, MAX = f"{_PREFIX}desired-replicas", f"{_PREFIX}max-replicas"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


class Deployments:
    name = "deployment"
    watches = (DEPLOYMENTS, REPLICA_SETS, PODS)

    def __init__(self, objects: ControllerClient) -> None:
        self._objects = objects

    def affected(self, event: WatchEvent) -> Iterable[Request]:
        metadata = event.object["metadata"]
        if event.key == DEPLOYMENTS:
            yield Request(metadata["namespace"], metadata["name"])
            return
        owner = controller_of(event.object)
        if event.key == PODS:
            # Only Recreate waits for pods, and only for their end.
            if event.type != "DELETED" or owner is None:
                return
            replica_set = self._objects.store.get(REPLICA_SETS, metadata["namespace"], owner["name"])
            owner = controller_of(replica_set) if replica_set is not None else None
        if owner is not None and owner["kind"] == "Deployment":
            yield Request(metadata["namespace"], owner["name"])

    async def reconcile(self, request: Request) -> float | None:
        deployment = self._objects.store.get(DEPLOYMENTS, *request)
        if deployment is None:
            return None
        refusal: ApiError | None = None
        if "deletionTimestamp" not in deployment["metadata"]:
            await adopt(self._objects, REPLICA_SETS, "Deployment", deployment)
            try:
                deployment = await self._step(deployment)
            except ApiError as error:
                refusal = error
        return self._report(deployment, refusal)

    async def _step(self, deployment: Object) -> Object:
        """One step of the rollout. Returns the Deployment, with its revision."""
        spec = deployment["spec"]
        new, old = self._sets(deployment)
        if spec.get("paused"):
            await self._scale(deployment, _paused_scale(spec["replicas"], new, old), [*old, *_some(new)])
            return deployment
        if new is None and spec.get("strategy", {}).get("type") == "Recreate" and self._busy(old):
            await self._scale(deployment, {each["metadata"]["name"]: 0 for each in old}, old)
            return deployment
        new, created = await self._new_set(deployment, new, old)
        deployment = await self._note_revision(deployment, new)
        if not created:
            await self._scale(deployment, self._plan(deployment, new, old), [*old, new])
        await self._forget_history(deployment, old)
        return deployment

    def _plan(self, deployment: Object, new: Object, old: Sequence[Object]) -> dict[str, int]:
        spec = deployment["spec"]
        counts, old_counts = _counts(new), [_counts(each) for each in old]
        if spec.get("strategy", {}).get("type") == "Recreate":
            pods = sum(len(controlled(self._objects.store, PODS, each)) for each in old)
            return rollout.recreate(spec["replicas"], counts, old_counts, old_pods=pods)
        return rollout.rolling(spec["replicas"], rollout.Bounds.of(spec), counts, old_counts)

    def _busy(self, old: Sequence[Object]) -> bool:
        return any(each["spec"]["replicas"] or controlled(self._objects.store, PODS, each) for each in old)

    def _sets(self, deployment: Object) -> tuple[Object | None, list[Object]]:
        """The ReplicaSet of the current template, if there is one, and all others, oldest first."""
        every = controlled(self._objects.store, REPLICA_SETS, deployment)
        template = deployment["spec"]["template"]
        new = next((each for each in every if same_template(each["spec"]["template"], template)), None)
        return new, [each for each in every if each is not new]

    async def _new_set(
        self, deployment: Object, new: Object | None, old: Sequence[Object]
    ) -> tuple[Object, bool]:
        """The new ReplicaSet with updated annotations, and whether it was created just now."""
        revision = max((_revision(each) for each in old), default=0) + 1
        if new is None:
            return await self._create(deployment, old, revision), True
        annotations = new["metadata"].get("annotations") or {}
        wanted = annotations | _annotations(deployment)
        if (before := _revision(new)) < revision:
            # An old template came back (`rollout undo`): it gets a new number and remembers the old ones.
            wanted[REVISION] = str(revision)
            if before:
                wanted[HISTORY] = ",".join(filter(None, (annotations.get(HISTORY), str(before))))
        least_ready = deployment["spec"].get("minReadySeconds", 0)
        if wanted == annotations and new["spec"].get("minReadySeconds", 0) == least_ready:
            return new, False
        changed = clone(new)
        changed["metadata"]["annotations"] = wanted
        changed["spec"]["minReadySeconds"] = least_ready
        return await self._objects.update(REPLICA_SETS, changed, manager=MANAGER), False

    async def _create(self, deployment: Object, old: Sequence[Object], revision: int) -> Object:
        metadata, spec = deployment["metadata"], deployment["spec"]
        short = template_hash(spec["template"])
        selector = clone(spec["selector"])
        selector.setdefault("matchLabels", {})[HASH_LABEL] = short
        template = with_hash(spec["template"], short)
        bounds = rollout.Bounds.of(spec)
        total = sum(each["spec"]["replicas"] for each in old)
        replicas = max(0, min(spec["replicas"], spec["replicas"] + bounds.surge - total))
        replica_set: Object = {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                "name": f"{metadata['name']}-{short}",
                "namespace": metadata["namespace"],
                "labels": dict(template["metadata"]["labels"]),
                "annotations": _annotations(deployment) | {REVISION: str(revision)},
                "ownerReferences": [controller_reference("Deployment", deployment)],
            },
            "spec": {"replicas": replicas, "selector": selector, "template": template},
        }
        if spec.get("minReadySeconds"):
            replica_set["spec"]["minReadySeconds"] = spec["minReadySeconds"]
        created = await self._objects.create(REPLICA_SETS, replica_set, manager=MANAGER)
        self._tell_scaled(deployment, created["metadata"]["name"], 0, replicas)
        return created

    async def _note_revision(self, deployment: Object, new: Object) -> Object:
        revision = new["metadata"]["annotations"][REVISION]
        if (deployment["metadata"].get("annotations") or {}).get(REVISION) == revision:
            return deployment
        noted = clone(deployment)
        noted["metadata"].setdefault("annotations", {})[REVISION] = revision
        return await self._objects.update(DEPLOYMENTS, noted, manager=MANAGER)

    async def _scale(self, deployment: Object, plan: Mapping[str, int], sets: Sequence[Object]) -> None:
        for replica_set in sets:
            name, before = replica_set["metadata"]["name"], replica_set["spec"]["replicas"]
            replicas = plan.get(name, before)
            if replicas == before:
                continue
            scaled = clone(replica_set)
            scaled["spec"]["replicas"] = replicas
            scaled["metadata"].setdefault("annotations", {}).update(_size_annotations(deployment))
            await self._objects.update(REPLICA_SETS, scaled, manager=MANAGER)
            self._tell_scaled(deployment, name, before, replicas)

    def _tell_scaled(self, deployment: Object, name: str, before: int, after: int) -> None:
        if before == after:
            return
        way = "up" if after > before else "down"
        self._objects.emit(
            deployment,
            reason="ScalingReplicaSet",
            message=f"Scaled {way} replica set {name} from {before} to {after}",
            component=COMPONENT,
        )

    async def _forget_history(self, deployment: Object, old: Sequence[Object]) -> None:
        """Deletes the oldest empty ReplicaSets beyond revisionHistoryLimit."""
        limit = deployment["spec"].get("revisionHistoryLimit", 10)
        empty = [
            each
            for each in sorted(old, key=_revision)
            if not each["spec"]["replicas"] and not (each.get("status") or {}).get("replicas")
        ]
        for each in empty[: max(0, len(old) - limit)]:
            await self._objects.delete(REPLICA_SETS, each["metadata"]["namespace"], each["metadata"]["name"])

    def _report(self, deployment: Object, refusal: ApiError | None) -> float | None:
        metadata = deployment["metadata"]
        new, old = self._sets(deployment)
        every = [*old, *_some(new)]
        counts = {
            "observedGeneration": metadata["generation"],
            "replicas": _sum(every, "replicas"),
            "updatedReplicas": _sum(_some(new), "replicas"),
            "readyReplicas": _sum(every, "readyReplicas"),
            "availableReplicas": _sum(every, "availableReplicas"),
        }
        asked = sum(each["spec"]["replicas"] for each in every)
        counts["unavailableReplicas"] = max(0, asked - counts["availableReplicas"])
        status: Object = {name: count for name, count in counts.items() if count}
        status["conditions"] = conditions(deployment, status, new, refusal)
        where = (metadata["namespace"], metadata["name"])
        self._objects.set_status(DEPLOYMENTS, *where, status, manager=MANAGER)
        if refusal is not None:
            return RETRY
        return progress_deadline(deployment["spec"], status)


def _some(new: Object | None) -> list[Object]:
    return [] if new is None else [new]


def _sum(sets: Iterable[Object], count: str) -> int:
    return sum((each.get("status") or {}).get(count, 0) for each in sets)


def _counts(replica_set: Object) -> rollout.Counts:
    wanted = replica_set["spec"]["replicas"]
    # The status follows the spec a moment later; what is asked for bounds what can be there.
    available = min(wanted, _sum([replica_set], "availableReplicas"))
    return rollout.Counts(replica_set["metadata"]["name"], wanted, available)


def _paused_scale(desired: int, new: Object | None, old: Sequence[Object]) -> dict[str, int]:
    """A paused Deployment does not roll out, but scales while one ReplicaSet has all its pods."""
    active = [each for each in [*old, *_some(new)] if each["spec"]["replicas"]]
    alone = active or [*old[-1:], *_some(new)][-1:]
    return {alone[0]["metadata"]["name"]: desired} if len(alone) == 1 else {}


def _revision(replica_set: Object) -> int:
    text = (replica_set["metadata"].get("annotations") or {}).get(REVISION, "0")
    return int(text) if text.isdigit() else 0


def _annotations(deployment: Object) -> dict[str, str]:
    """What a ReplicaSet takes over from its Deployment, such as `kubernetes.io/change-cause`."""
    own = deployment["metadata"].get("annotations") or {}
    taken = {key: value for key, value in own.items() if not key.startswith(_PREFIX) and key != LAST_APPLIED}
    return taken | _size_annotations(deployment)


def _size_annotations(deployment: Object) -> dict[str, str]:
    desired = deployment["spec"]["replicas"]
    return {DESIRED: str(desired), MAX: str(desired + rollout.Bounds.of(deployment["spec"]).surge)}
