"""Services: their defaults, what a real API server refuses, and their cluster IPs and node ports."""

from __future__ import annotations

import random
from collections.abc import Callable, Container, Iterable
from ipaddress import IPv4Network, ip_address
from typing import Any

from lab.golang.printing import quoted
from lab.kube import errors
from lab.kube.errors import Cause
from lab.kube.kinds.metadata import check_labels, check_name
from lab.kube.kinds.podspec import PORT_RANGE, PROTOCOLS, check_port_reference
from lab.kube.objects import GroupResource, Object
from lab.kube.store import Store

SERVICES = GroupResource("", "services")
CLUSTER_IPS = IPv4Network("10.96.0.0/16")
API_SERVER_IP = "10.96.0.1"
NODE_PORTS = range(30000, 32768)
TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_NO_IP = ("", "None")


def apply_service_defaults(service: Object) -> None:
    spec = service.setdefault("spec", {})
    spec.setdefault("type", "ClusterIP")
    spec.setdefault("sessionAffinity", "None")
    if spec["type"] != "ExternalName":
        spec.setdefault("internalTrafficPolicy", "Cluster")
        spec.setdefault("ipFamilies", ["IPv4"])
        spec.setdefault("ipFamilyPolicy", "SingleStack")
    if spec["type"] in ("NodePort", "LoadBalancer"):
        spec.setdefault("externalTrafficPolicy", "Cluster")
    for port in spec.get("ports") or []:
        port.setdefault("protocol", "TCP")
        if port.get("targetPort") in (None, 0, "") and "port" in port:
            port["targetPort"] = port["port"]


def allocate(
    service: Object, old: Object | None, store: Store, node_port_is_free: Callable[[int], bool]
) -> None:
    """Gives a service its cluster IP and node ports, in place. Raises a 422 for one that cannot be had."""
    spec = service["spec"]
    if spec["type"] == "ExternalName":
        for field in ("clusterIP", "clusterIPs"):
            spec.pop(field, None)
        return
    before = (old or {}).get("spec") or {}
    if not spec.get("clusterIP"):
        spec["clusterIP"] = before.get("clusterIP") or next(iter(spec.get("clusterIPs") or []), "")
    if not spec["clusterIP"]:
        spec["clusterIP"] = _free_ip(store)
    elif spec["clusterIP"] != "None" and spec["clusterIP"] != before.get("clusterIP"):
        _claim(service, spec["clusterIP"], store)
    spec["clusterIPs"] = [spec["clusterIP"]]
    if spec["type"] in ("NodePort", "LoadBalancer"):
        _allocate_node_ports(service, before, store, node_port_is_free)
    else:
        for port in spec.get("ports") or []:
            port.pop("nodePort", None)


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


def _allocate_node_ports(
    service: Object, before: Object, store: Store, is_free: Callable[[int], bool]
) -> None:
    spec = service["spec"]
    kept = {port["port"]: port.get("nodePort") for port in before.get("ports") or []}
    taken = {port.get("nodePort") for other in _others(store) for port in other.get("ports") or []}
    taken |= {port.get("nodePort") for port in spec.get("ports") or []}
    for port in spec.get("ports") or []:
        if not port.get("nodePort"):
            port["nodePort"] = kept.get(port["port"]) or _free_node_port(service, taken, is_free)
            taken.add(port["nodePort"])


def _free_node_port(service: Object, taken: Container[int | None], is_free: Callable[[int], bool]) -> int:
    """Drawn by lot, as in Kubernetes: whoever else draws at the same time will hardly draw the same one."""
    for number in random.sample(NODE_PORTS, len(NODE_PORTS)):
        if number not in taken and is_free(number):
            return number
    message = "failed to allocate a nodePort: range is full"
    cause = Cause("FieldValueInvalid", "spec.ports[0].nodePort", message)
    raise errors.invalid("", "Service", service["metadata"]["name"], [cause])


def check_service(service: Object, old: Object | None) -> list[Cause]:
    spec = service["spec"]
    causes = []
    if spec["type"] not in TYPES:
        causes.append(errors.unsupported_value("spec.type", spec["type"], TYPES))
    if spec["sessionAffinity"] not in ("ClientIP", "None"):
        field = "spec.sessionAffinity"
        causes.append(errors.unsupported_value(field, spec["sessionAffinity"], ("ClientIP", "None")))
    causes += check_labels(spec.get("selector") or {}, "spec.selector")
    address = spec.get("clusterIP", "")
    if spec["type"] == "ExternalName":
        if not spec.get("externalName"):
            causes.append(errors.required("spec.externalName"))
        else:
            # A last dot says that a name is fully qualified.
            host = spec["externalName"].removesuffix(".")
            causes += check_name(host, "subdomain", "spec.externalName")
    elif not spec.get("ports") and address != "None":
        causes.append(errors.required("spec.ports"))
    if address not in _NO_IP and not _is_ip(address):
        detail = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
        causes.append(errors.invalid_value("spec.clusterIPs[0]", address, detail))
    causes += _check_unchanged_ip(spec, old)
    return causes + _check_ports(spec.get("ports") or [])


def _check_unchanged_ip(spec: Object, old: Object | None) -> list[Cause]:
    before = ((old or {}).get("spec") or {}).get("clusterIP", "")
    now = spec.get("clusterIP", "")
    if not before or not now or now == before or spec["type"] == "ExternalName":
        return []
    message = f"Invalid value: []string{{{quoted(now)}}}: may not change once set"
    return [Cause("FieldValueInvalid", "spec.clusterIPs[0]", message)]


def _is_ip(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _check_ports(ports: list[Object]) -> list[Cause]:
    causes: list[Cause] = []
    names: set[str] = set()
    seen: set[tuple[Any, ...]] = set()
    for index, port in enumerate(ports):
        at = f"spec.ports[{index}]"
        name, number = port.get("name", ""), port.get("port", 0)
        if not name and len(ports) > 1:
            causes.append(errors.required(f"{at}.name"))
        elif name in names:
            causes.append(errors.duplicate(f"{at}.name", name))
        elif name:
            causes += check_name(name, "label", f"{at}.name")
            names.add(name)
        if not 1 <= number <= 65535:
            causes.append(errors.invalid_value(f"{at}.port", number, PORT_RANGE))
        if port.get("protocol") not in PROTOCOLS:
            causes.append(errors.unsupported_value(f"{at}.protocol", port.get("protocol"), PROTOCOLS))
        if "targetPort" in port and number:
            causes += check_port_reference(port["targetPort"], f"{at}.targetPort")
        if port.get("nodePort") and port["nodePort"] not in NODE_PORTS:
            detail = "provided port is not in the valid range. The range of valid ports is 30000-32767"
            causes.append(errors.invalid_value(f"{at}.nodePort", port["nodePort"], detail))
        identity = (number, port.get("protocol"))
        if identity in seen:
            causes.append(Cause("FieldValueDuplicate", at, f"Duplicate value: {_go_port(port)}"))
        seen.add(identity)
    return causes


def _go_port(port: Object) -> str:
    target = port.get("targetPort", 0)
    is_name = isinstance(target, str)
    number, text = (0, quoted(target)) if is_name else (target, '""')
    return (
        f'core.ServicePort{{Name:"", Protocol:{quoted(port.get("protocol", ""))},'
        " AppProtocol:(*string)(nil),"
        f" Port:{port.get('port', 0)}, TargetPort:intstr.IntOrString{{Type:{int(is_name)}, IntVal:{number},"
        f" StrVal:{text}}}, NodePort:0}}"
    )
