"""The endpoint controller: the pods behind each Service, with named target ports resolved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from lab.kube.controllers.loop import MANAGER, Request
from lab.kube.controllers.pods import is_finished, is_ready, is_terminating
from lab.kube.group_resources import ENDPOINT_SLICES, ENDPOINTS, PODS, SERVICES
from lab.kube.objects import Object, clone
from lab.kube.store import WatchEvent
from lab.kube.writing.controller_client import ControllerClient

SERVICE_NAME = "kubernetes.io/service-name"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
CONTROLLER = "endpointslice-controller.k8s.io"
HEADLESS = "service.kubernetes.io/headless"

#: The ports of one backend: (name, number, protocol, appProtocol), in the Service's order.
Ports = tuple[tuple[str, int, str, str], ...]


@dataclass
class Backends:
    """Pods that serve the same port numbers; they share a subset and a slice."""

    ports: Ports
    pods: list[Object] = field(default_factory=list)


class ServiceEndpoints:
    name = "endpoints"
    watches = (SERVICES, PODS, ENDPOINTS, ENDPOINT_SLICES)

    def __init__(self, objects: ControllerClient) -> None:
        self._objects = objects

    def affected(self, event: WatchEvent) -> Iterable[Request]:
        metadata = event.object["metadata"]
        namespace = metadata["namespace"]
        if event.key in (SERVICES, ENDPOINTS):
            yield Request(namespace, metadata["name"])
        elif event.key == ENDPOINT_SLICES:
            yield Request(namespace, (metadata.get("labels") or {}).get(SERVICE_NAME, ""))
        else:
            # Those that a pod has left count as well as those that it has joined.
            states = [event.object, *([event.previous] if event.previous is not None else [])]
            for service in self._objects.store.list(SERVICES, namespace):
                if any(_selects(service, pod) for pod in states):
                    yield Request(namespace, service["metadata"]["name"])

    async def reconcile(self, request: Request) -> float | None:
        service = self._objects.store.get(SERVICES, *request)
        if service is None:
            if (stale := self._objects.store.get(ENDPOINTS, *request)) is not None and _is_ours(stale):
                await self._objects.delete(ENDPOINTS, *request)
            return None
        if not service["spec"].get("selector") or "deletionTimestamp" in service["metadata"]:
            return None  # Whoever made a Service without a selector writes its Endpoints too.
        pods = [pod for pod in self._objects.store.list(PODS, request.namespace) if _selects(service, pod)]
        groups = _group(service, pods)
        await self._write_endpoints(service, groups)
        await self._write_slices(service, groups)
        return None

    async def _write_endpoints(self, service: Object, groups: list[Backends]) -> None:
        metadata = service["metadata"]
        subsets = [subset for group in groups if (subset := _subset(service, group))]
        live = self._objects.store.get(ENDPOINTS, metadata["namespace"], metadata["name"])
        labels = dict(metadata.get("labels") or {})
        if service["spec"].get("clusterIP") == "None":
            labels[HEADLESS] = ""
        wanted: Object = {
            "apiVersion": "v1",
            "kind": "Endpoints",
            "metadata": {"name": metadata["name"], "namespace": metadata["namespace"]},
        }
        if labels:
            wanted["metadata"]["labels"] = labels
        if subsets:
            wanted["subsets"] = subsets
        if live is None:
            await self._objects.create(ENDPOINTS, wanted, manager=MANAGER)
        elif (live.get("subsets") or []) != subsets or (live["metadata"].get("labels") or {}) != labels:
            await self._objects.update(ENDPOINTS, wanted, manager=MANAGER)

    async def _write_slices(self, service: Object, groups: list[Backends]) -> None:
        metadata = service["metadata"]
        live = [
            each
            for each in self._objects.store.list(ENDPOINT_SLICES, metadata["namespace"])
            if (labels := each["metadata"].get("labels") or {}).get(SERVICE_NAME) == metadata["name"]
            and labels.get(MANAGED_BY) == CONTROLLER
        ]
        # A slice keeps its name while its ports stay, so that a readiness change is one small update.
        by_ports = {_slice_key(each): each for each in reversed(live)}
        for group in groups or [Backends(())]:
            wanted = _slice(service, group)
            known = by_ports.pop(_slice_key(wanted), None)
            if known is None:
                await self._objects.create(ENDPOINT_SLICES, wanted, manager=MANAGER)
            elif (known.get("endpoints") or []) != wanted["endpoints"] or not (
                wanted["metadata"]["labels"].items() <= known["metadata"]["labels"].items()
            ):
                changed = clone(known)
                changed["endpoints"] = wanted["endpoints"]
                changed["metadata"]["labels"] |= wanted["metadata"]["labels"]
                await self._objects.update(ENDPOINT_SLICES, changed, manager=MANAGER)
        for stale in by_ports.values():
            await self._objects.delete(ENDPOINT_SLICES, metadata["namespace"], stale["metadata"]["name"])


def _selects(service: Object, pod: Object) -> bool:
    selector = service["spec"].get("selector")
    labels = pod["metadata"].get("labels") or {}
    return bool(selector) and selector.items() <= labels.items()


def _is_ours(endpoints: Object) -> bool:
    """Whether the last writer of the subsets was this controller, not a user."""
    writers = {entry["manager"] for entry in endpoints["metadata"].get("managedFields") or ()}
    return MANAGER in writers


def _group(service: Object, pods: Iterable[Object]) -> list[Backends]:
    groups: dict[Ports, Backends] = {}
    for pod in pods:
        if is_finished(pod) or not (pod.get("status") or {}).get("podIP"):
            continue
        ports = _ports(service, pod)
        if ports or not service["spec"].get("ports"):
            groups.setdefault(ports, Backends(ports)).pods.append(pod)
    return [groups[ports] for ports in sorted(groups)]


def _ports(service: Object, pod: Object) -> Ports:
    found = []
    for port in service["spec"].get("ports") or ():
        number = _target(port, pod)
        if number is not None:
            found.append((port.get("name", ""), number, port["protocol"], port.get("appProtocol", "")))
    return tuple(found)


def _target(port: Object, pod: Object) -> int | None:
    """The container's port number; None when no container has a port of the wanted name."""
    target = port.get("targetPort", port["port"])
    if isinstance(target, int):
        return target
    for container in _lasting(pod["spec"]):
        for candidate in container.get("ports") or ():
            if candidate.get("name") == target and candidate.get("protocol", "TCP") == port["protocol"]:
                return int(candidate["containerPort"])
    return None


def _lasting(spec: Object) -> Iterator[Object]:
    """The containers, including native sidecars: init containers with `restartPolicy: Always`."""
    yield from spec["containers"]
    yield from (each for each in spec.get("initContainers") or () if each.get("restartPolicy") == "Always")


def _subset(service: Object, group: Backends) -> Object | None:
    unready_too = service["spec"].get("publishNotReadyAddresses", False)
    staying = [pod for pod in group.pods if not is_terminating(pod) or unready_too]
    ready = [_address(service, pod) for pod in staying if unready_too or is_ready(pod)]
    waiting = [_address(service, pod) for pod in staying if not (unready_too or is_ready(pod))]
    subset: Object = {}
    if ready:
        subset["addresses"] = ready
    if waiting:
        subset["notReadyAddresses"] = waiting
    if not subset:
        return None
    subset["ports"] = [_port(*port) for port in group.ports]
    return subset


def _address(service: Object, pod: Object) -> Object:
    address: Object = {"ip": pod["status"]["podIP"], **_hostname(service, pod)}
    if node := pod["spec"].get("nodeName"):
        address["nodeName"] = node
    return address | {"targetRef": _reference(pod)}


def _hostname(service: Object, pod: Object) -> Object:
    """The pod's DNS name below that of the service, if the pod has one (`hostname`, `subdomain`)."""
    spec = pod["spec"]
    if not spec.get("hostname") or spec.get("subdomain") != service["metadata"]["name"]:
        return {}
    return {"hostname": spec["hostname"]}


def _reference(pod: Object) -> Object:
    metadata = pod["metadata"]
    return {"kind": "Pod", **{key: metadata[key] for key in ("name", "namespace", "uid")}}


def _port(name: str, number: int, protocol: str, app_protocol: str) -> Object:
    port: Object = {"name": name} if name else {}
    port |= {"port": number, "protocol": protocol}
    return port | {"appProtocol": app_protocol} if app_protocol else port


def _slice(service: Object, group: Backends) -> Object:
    metadata = service["metadata"]
    labels = {**(metadata.get("labels") or {}), MANAGED_BY: CONTROLLER, SERVICE_NAME: metadata["name"]}
    if service["spec"].get("clusterIP") == "None":
        labels[HEADLESS] = ""
    unready_too = service["spec"].get("publishNotReadyAddresses", False)
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "generateName": f"{metadata['name']}-",
            "namespace": metadata["namespace"],
            "labels": labels,
            "ownerReferences": [
                {
                    "apiVersion": "v1",
                    "kind": "Service",
                    "name": metadata["name"],
                    "uid": metadata["uid"],
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "addressType": "IPv4",
        "endpoints": [_endpoint(service, pod, unready_too=unready_too) for pod in group.pods],
        # In a slice a port without a name has the empty one.
        "ports": [{"name": "", **_port(*port)} for port in group.ports],
    }


def _endpoint(service: Object, pod: Object, *, unready_too: bool) -> Object:
    serving, terminating = is_ready(pod), is_terminating(pod)
    endpoint: Object = {
        "addresses": [pod["status"]["podIP"]],
        "conditions": {
            "ready": unready_too or (serving and not terminating),
            "serving": serving,
            "terminating": terminating,
        },
        "targetRef": _reference(pod),
        **_hostname(service, pod),
    }
    if node := pod["spec"].get("nodeName"):
        endpoint["nodeName"] = node
    return endpoint


def _slice_key(endpoint_slice: Object) -> str:
    ports = endpoint_slice.get("ports") or ()
    return repr([sorted(port.items()) for port in ports])
