"""The columns of `kubectl get` for the built-in kinds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lab.kube.kinds.printers import pod_restarts, pod_status, since
from lab.kube.kinds.resources import Column
from lab.kube.objects import Object

NONE = "<none>"


def spec_of(obj: Object) -> Object:
    return obj.get("spec") or {}


def status_of(obj: Object) -> Object:
    return obj.get("status") or {}


def joined(items: Iterable[Any]) -> str:
    return ",".join(str(item) for item in items) or NONE


def _labels(labels: Mapping[str, str] | None) -> str:
    return joined(f"{key}={value}" for key, value in sorted((labels or {}).items()))


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


def _controller(obj: Object) -> str:
    owners = obj["metadata"].get("ownerReferences") or ()
    owner = next((each for each in owners if each.get("controller")), None)
    if owner is None:
        return NONE
    group = owner["apiVersion"].partition("/")[0]
    return f"{owner['kind'].lower()}.{group}/{owner['name']}"


def _few(items: list[str], shown: int = 3) -> str:
    if len(items) > shown:
        return f"{','.join(items[:shown])} + {len(items) - shown} more..."
    return ",".join(items) or NONE


def _ready_containers(pod: Object) -> str:
    """Of those that go on running: sidecars count, other init containers do not."""
    status, spec = status_of(pod), spec_of(pod)
    sidecars = {c["name"] for c in spec.get("initContainers") or [] if c.get("restartPolicy") == "Always"}
    lasting = [s for s in status.get("initContainerStatuses") or [] if s.get("name") in sidecars]
    ready = sum(bool(s.get("ready")) for s in [*lasting, *(status.get("containerStatuses") or [])])
    return f"{ready}/{len(sidecars) + len(spec.get('containers') or [])}"


def _service_port(port: Object) -> str:
    node_port = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port['port']}{node_port}/{port.get('protocol', 'TCP')}"


def _service_ports(service: Object) -> str:
    return joined(_service_port(port) for port in spec_of(service).get("ports") or [])


def _external_ip(service: Object) -> str:
    spec = spec_of(service)
    if spec.get("type") == "ExternalName":
        return str(spec.get("externalName"))
    if spec.get("type") == "LoadBalancer":
        ingress = (status_of(service).get("loadBalancer") or {}).get("ingress") or []
        addresses = [entry.get("ip") or entry.get("hostname") or "" for entry in ingress]
        return ",".join([*addresses, *(spec.get("externalIPs") or [])]) or "<pending>"
    return joined(spec.get("externalIPs") or [])


def _endpoints(endpoints: Object) -> str:
    found = [
        f"{address['ip']}:{port['port']}" if port else address["ip"]
        for subset in endpoints.get("subsets") or []
        for port in subset.get("ports") or [None]
        for address in subset.get("addresses") or []
    ]
    return _few(found)


def _slice_ports(slice_: Object) -> str:
    return (
        _few([str(port.get("port")) for port in slice_.get("ports") or []])
        if slice_.get("ports")
        else "<unset>"
    )


def _slice_addresses(slice_: Object) -> str:
    found = [
        address for endpoint in slice_.get("endpoints") or [] for address in endpoint.get("addresses") or []
    ]
    return _few(found) if found else "<unset>"


def containers(template_owner: Object, field: str) -> str:
    spec = spec_of(spec_of(template_owner).get("template") or {})
    return joined(container.get(field, "") for container in spec.get("containers") or [])


def _node_status(node: Object) -> str:
    conditions = status_of(node).get("conditions") or []
    ready = next((c.get("status") for c in conditions if c.get("type") == "Ready"), None)
    words = [{"True": "Ready", "False": "NotReady"}.get(ready or "", "Unknown")]
    if spec_of(node).get("unschedulable"):
        words.append("SchedulingDisabled")
    return ",".join(words)


def _node_roles(node: Object) -> str:
    prefix = "node-role.kubernetes.io/"
    return joined(
        sorted(
            label.removeprefix(prefix)
            for label in node["metadata"].get("labels") or {}
            if label.startswith(prefix)
        )
    )


def _node_address(node: Object, kind: str) -> str:
    addresses = status_of(node).get("addresses") or []
    return next((str(a["address"]) for a in addresses if a.get("type") == kind), NONE)


def _node_info(node: Object, field: str) -> str:
    return (status_of(node).get("nodeInfo") or {}).get(field) or "<unknown>"


def _event_object(event: Object) -> str:
    about = event.get("involvedObject") or {}
    return f"{about.get('kind', '').lower()}/{about.get('name', '')}"


def _event_source(event: Object) -> str:
    source = event.get("source") or {}
    return ", ".join(part for part in (source.get("component"), source.get("host")) if part)


NAME = Column("Name", lambda obj: obj["metadata"]["name"])
AGE = Column("Age", lambda obj: since(obj["metadata"].get("creationTimestamp")))
DEFAULT = (NAME, AGE)

COLUMNS: dict[str, tuple[Column, ...]] = {
    "Namespace": (NAME, Column("Status", lambda obj: status_of(obj).get("phase", "")), AGE),
    "Pod": (
        NAME,
        Column("Ready", _ready_containers),
        Column("Status", pod_status),
        Column("Restarts", pod_restarts),
        AGE,
        Column("IP", lambda obj: status_of(obj).get("podIP") or NONE, priority=1),
        Column("Node", lambda obj: spec_of(obj).get("nodeName") or NONE, priority=1),
        Column("Nominated Node", lambda obj: status_of(obj).get("nominatedNodeName") or NONE, priority=1),
        Column("Readiness Gates", lambda _: NONE, priority=1),
    ),
    "Service": (
        NAME,
        Column("Type", lambda obj: spec_of(obj).get("type", "")),
        Column("Cluster-IP", lambda obj: spec_of(obj).get("clusterIP") or NONE),
        Column("External-IP", _external_ip),
        Column("Port(s)", _service_ports),
        AGE,
        Column("Selector", lambda obj: _labels(spec_of(obj).get("selector")), priority=1),
    ),
    "ServiceAccount": (NAME, Column("Secrets", lambda obj: len(obj.get("secrets") or []), "integer"), AGE),
    "ConfigMap": (
        NAME,
        Column("Data", lambda obj: len(obj.get("data") or {}) + len(obj.get("binaryData") or {}), "integer"),
        AGE,
    ),
    "Secret": (
        NAME,
        Column("Type", lambda obj: obj.get("type", "")),
        Column("Data", lambda obj: len(obj.get("data") or {}), "integer"),
        AGE,
    ),
    "Endpoints": (NAME, Column("Endpoints", _endpoints), AGE),
    "EndpointSlice": (
        NAME,
        Column("AddressType", lambda obj: obj.get("addressType", "")),
        Column("Ports", _slice_ports),
        Column("Endpoints", _slice_addresses),
        AGE,
    ),
    "Node": (
        NAME,
        Column("Status", _node_status),
        Column("Roles", _node_roles),
        AGE,
        Column("Version", lambda obj: _node_info(obj, "kubeletVersion")),
        Column("Internal-IP", lambda obj: _node_address(obj, "InternalIP"), priority=1),
        Column("External-IP", lambda obj: _node_address(obj, "ExternalIP"), priority=1),
        Column("OS-Image", lambda obj: _node_info(obj, "osImage"), priority=1),
        Column("Kernel-Version", lambda obj: _node_info(obj, "kernelVersion"), priority=1),
        Column("Container-Runtime", lambda obj: _node_info(obj, "containerRuntimeVersion"), priority=1),
    ),
    "Event": (
        Column("Last Seen", lambda obj: since(obj.get("lastTimestamp") or obj.get("eventTime"))),
        Column("Type", lambda obj: obj.get("type", "")),
        Column("Reason", lambda obj: obj.get("reason", "")),
        Column("Object", _event_object),
        Column("Subobject", lambda obj: (obj.get("involvedObject") or {}).get("fieldPath", ""), priority=1),
        Column("Source", _event_source, priority=1),
        Column("Message", lambda obj: (obj.get("message") or "").strip()),
        Column(
            "First Seen", lambda obj: since(obj.get("firstTimestamp") or obj.get("eventTime")), priority=1
        ),
        Column("Count", lambda obj: obj.get("count") or 1, "integer", priority=1),
        Column("Name", NAME.value, priority=1),
    ),
    "Lease": (NAME, Column("Holder", lambda obj: spec_of(obj).get("holderIdentity", "")), AGE),
    "CustomResourceDefinition": (
        NAME,
        Column("Created At", lambda obj: obj["metadata"].get("creationTimestamp")),
    ),
    "Deployment": (
        NAME,
        Column(
            "Ready", lambda obj: f"{status_of(obj).get('readyReplicas', 0)}/{spec_of(obj).get('replicas', 0)}"
        ),
        Column("Up-to-date", lambda obj: status_of(obj).get("updatedReplicas", 0), "integer"),
        Column("Available", lambda obj: status_of(obj).get("availableReplicas", 0), "integer"),
        AGE,
        Column("Containers", lambda obj: containers(obj, "name"), priority=1),
        Column("Images", lambda obj: containers(obj, "image"), priority=1),
        Column("Selector", lambda obj: label_selector(spec_of(obj).get("selector")), priority=1),
    ),
    "StatefulSet": (
        NAME,
        Column(
            "Ready", lambda obj: f"{status_of(obj).get('readyReplicas', 0)}/{spec_of(obj).get('replicas', 0)}"
        ),
        AGE,
        Column("Containers", lambda obj: containers(obj, "name"), priority=1),
        Column("Images", lambda obj: containers(obj, "image"), priority=1),
    ),
    "ControllerRevision": (
        NAME,
        Column("Controller", _controller),
        Column("Revision", lambda obj: obj.get("revision", 0), "integer"),
        AGE,
    ),
    "ReplicaSet": (
        NAME,
        Column("Desired", lambda obj: spec_of(obj).get("replicas", 0), "integer"),
        Column("Current", lambda obj: status_of(obj).get("replicas", 0), "integer"),
        Column("Ready", lambda obj: status_of(obj).get("readyReplicas", 0), "integer"),
        AGE,
        Column("Containers", lambda obj: containers(obj, "name"), priority=1),
        Column("Images", lambda obj: containers(obj, "image"), priority=1),
        Column("Selector", lambda obj: label_selector(spec_of(obj).get("selector")), priority=1),
    ),
}
