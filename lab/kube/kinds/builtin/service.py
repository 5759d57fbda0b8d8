"""Services: defaults, and validation as in a real API server."""

from __future__ import annotations

from ipaddress import ip_address

from lab.golang.printing import quoted
from lab.kube import errors
from lab.kube.errors import Cause
from lab.kube.group_resources import SERVICES
from lab.kube.identity.auth import User
from lab.kube.kinds.metadata import check_labels, check_name
from lab.kube.kinds.podspec import PORT_RANGE, PROTOCOLS, check_port_reference
from lab.kube.kinds.printers import AGE, NAME, NONE, Column, joined, labels, spec_of, status_of
from lab.kube.kinds.protobuf_messages import (
    METADATA,
    STATUS,
    Field,
    Scalar,
    integer,
    many,
    optional,
    string,
    string_map,
    strings,
)
from lab.kube.kinds.resources import native
from lab.kube.kinds.service_addresses import NODE_PORTS, allocate
from lab.kube.kinds.strategies import Strategy
from lab.kube.objects import Json, Object

TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_NO_IP = ("", "None")


def _defaults(service: Object) -> None:
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


def _prepare(service: Object, _user: User) -> None:
    service["status"] = {"loadBalancer": {}}


def _validate(service: Object, old: Object | None) -> list[Cause]:
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
    seen: set[tuple[Json, ...]] = set()
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


RESOURCES = (
    native(
        "io.k8s.api.core.v1.Service",
        SERVICES,
        short_names=("svc",),
        categories=("all",),
        subresources=("status",),
        fields=("spec.clusterIP", "spec.type"),
        name_rule="service",
        columns=(
            NAME,
            Column("Type", lambda obj: spec_of(obj).get("type", "")),
            Column("Cluster-IP", lambda obj: spec_of(obj).get("clusterIP") or NONE),
            Column("External-IP", _external_ip),
            Column("Port(s)", _service_ports),
            AGE,
            Column("Selector", lambda obj: labels(spec_of(obj).get("selector")), priority=1),
        ),
        strategy=Strategy(
            defaults=_defaults,
            prepare_for_create=_prepare,
            validate=_validate,
            complete=True,
            allocate=allocate,
            returns_deleted=True,
        ),
        protobuf={
            1: METADATA,
            2: Field(
                "spec",
                {
                    1: many(
                        "ports",
                        {
                            1: string("name"),
                            2: string("protocol"),
                            3: integer("port"),
                            4: Field("targetPort", Scalar.INT_OR_STRING),
                            5: integer("nodePort"),
                            6: optional("appProtocol", Scalar.STRING),
                        },
                    ),
                    2: string_map("selector"),
                    3: string("clusterIP"),
                    4: string("type"),
                    5: strings("externalIPs"),
                    7: string("sessionAffinity"),
                    8: string("loadBalancerIP"),
                    9: strings("loadBalancerSourceRanges"),
                    10: string("externalName"),
                    11: string("externalTrafficPolicy"),
                    12: integer("healthCheckNodePort"),
                    13: Field("publishNotReadyAddresses", Scalar.BOOLEAN),
                    17: optional("ipFamilyPolicy", Scalar.STRING),
                    18: strings("clusterIPs"),
                    19: strings("ipFamilies"),
                    20: optional("allocateLoadBalancerNodePorts", Scalar.BOOLEAN),
                    22: optional("internalTrafficPolicy", Scalar.STRING),
                },
            ),
            3: STATUS,
        },
    ),
)
