"""The cluster IP and the node ports of a Service."""

from __future__ import annotations

import random
from collections.abc import Callable, Container, Iterable
from ipaddress import ip_address

from lab.golang.printing import quoted
from lab.kube import errors
from lab.kube.cluster import API_SERVER_IP, CLUSTER_IPS
from lab.kube.errors import Cause
from lab.kube.group_resources import SERVICES
from lab.kube.kinds.strategies import Server
from lab.kube.objects import Object
from lab.kube.store import Store

NODE_PORTS = range(30000, 32768)


def allocate(service: Object, old: Object | None, server: Server) -> list[str]:
    """Gives a service its cluster IP and node ports, in place. Raises a 422 for one that cannot be had."""
    spec = service["spec"]
    if spec["type"] == "ExternalName":
        for field in ("clusterIP", "clusterIPs"):
            spec.pop(field, None)
        return []
    before = (old or {}).get("spec") or {}
    if not spec.get("clusterIP"):
        spec["clusterIP"] = before.get("clusterIP") or next(iter(spec.get("clusterIPs") or []), "")
    if not spec["clusterIP"]:
        spec["clusterIP"] = _free_ip(server.store)
    elif spec["clusterIP"] != "None" and spec["clusterIP"] != before.get("clusterIP"):
        _claim(service, spec["clusterIP"], server.store)
    spec["clusterIPs"] = [spec["clusterIP"]]
    if spec["type"] in ("NodePort", "LoadBalancer"):
        _allocate_node_ports(service, before, server)
    else:
        for port in spec.get("ports") or []:
            port.pop("nodePort", None)
    return []


def _others(store: Store) -> Iterable[Object]:
    return (service["spec"] for service in store.list(SERVICES))


def _free_ip(store: Store) -> str:
    taken = {spec.get("clusterIP") for spec in _others(store)} | {API_SERVER_IP}
    return next(str(host) for host in CLUSTER_IPS.hosts() if str(host) not in taken)


def _claim(service: Object, wanted: str, store: Store) -> None:
    why = ""
    if ip_address(wanted) not in CLUSTER_IPS:
        why = f"the provided IP ({wanted}) is not in the valid range. The range of valid IPs is {CLUSTER_IPS}"
    elif any(spec.get("clusterIP") == wanted for spec in _others(store)):
        why = "provided IP is already allocated"
    if why:
        message = f"Invalid value: []string{{{quoted(wanted)}}}: failed to allocate IP {wanted}: {why}"
        cause = Cause("FieldValueInvalid", "spec.clusterIPs", message)
        raise errors.invalid("", "Service", service["metadata"]["name"], [cause])


def _allocate_node_ports(service: Object, before: Object, server: Server) -> None:
    spec = service["spec"]
    kept = {port["port"]: port.get("nodePort") for port in before.get("ports") or []}
    taken = {port.get("nodePort") for other in _others(server.store) for port in other.get("ports") or []}
    taken |= {port.get("nodePort") for port in spec.get("ports") or []}
    for port in spec.get("ports") or []:
        if not port.get("nodePort"):
            port["nodePort"] = kept.get(port["port"]) or _free_node_port(
                service, taken, server.kinds.node_port_is_free
            )
            taken.add(port["nodePort"])


def _free_node_port(service: Object, taken: Container[int | None], is_free: Callable[[int], bool]) -> int:
    """Drawn by lot, as in Kubernetes: whoever else draws at the same time will hardly draw the same one."""
    for number in random.sample(NODE_PORTS, len(NODE_PORTS)):
        if number not in taken and is_free(number):
            return number
    message = "failed to allocate a nodePort: range is full"
    cause = Cause("FieldValueInvalid", "spec.ports[0].nodePort", message)
    raise errors.invalid("", "Service", service["metadata"]["name"], [cause])
