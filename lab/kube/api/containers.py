"""The container of a pod that a request names, and its state."""

from __future__ import annotations

from collections.abc import Iterator

from lab.kube.errors import bad_request
from lab.kube.objects import Object


def choose(pod: Object, wanted: str) -> str:
    """The container's name. Raises ApiError 400 if it is ambiguous or not one of the pod's."""
    name, spec = pod["metadata"]["name"], pod["spec"]
    names = [container["name"] for container in spec["containers"]]
    init_names = [container["name"] for container in spec.get("initContainers") or ()]
    if not wanted:
        if len(names) == 1:
            return str(names[0])
        hint = f"a container name must be specified for pod {name}, choose one of: [{' '.join(names)}]"
        if init_names:
            hint += f" or one of the init containers: [{' '.join(init_names)}]"
        raise bad_request(hint)
    if wanted not in (*names, *init_names):
        raise bad_request(f"container {wanted} is not valid for pod {name}")
    return wanted


def status_of(pod: Object, container: str) -> Object:
    """The containerStatus of a container; {} until the node has reported one."""
    return next((status for status in _statuses(pod) if status["name"] == container), {})


def _statuses(pod: Object) -> Iterator[Object]:
    status = pod.get("status") or {}
    yield from status.get("containerStatuses") or ()
    yield from status.get("initContainerStatuses") or ()
