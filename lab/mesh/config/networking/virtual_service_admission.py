"""Validation of VirtualServices beyond their schema, in the words of Istio's webhook."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from lab.golang.printing import quoted
from lab.kube.client import Object
from lab.mesh.config.networking import unservable
from lab.mesh.config.networking.route_admission import destinations_problems, route_problems
from lab.mesh.config.networking.virtual_service import MESH, claim_path
from lab.mesh.config.validation import (
    export_problems,
    gateway_host_problems,
    gateway_name_problems,
    host_problems,
    is_address,
    is_covered,
    overlap,
    port_problems,
    subnet_problems,
    tag_problems,
)
from lab.mesh.config.webhook import mapping, refuse_for, sequence


def review_virtual_service(new: Object) -> list[str]:
    """Rejects a VirtualService that no proxy could apply, with all reasons."""
    spec = mapping(new.get("spec"))
    refuse_for(_service_problems(spec, new["metadata"]["namespace"]))
    refuse_for(why for route in sequence(spec.get("http")) for why in unservable.route_problems(route))
    return []


def _service_problems(spec: Object, namespace: str) -> Iterator[str]:
    hosts, gateways = sequence(spec.get("hosts")), sequence(spec.get("gateways"))
    routes = {kind: sequence(spec.get(kind)) for kind in ("http", "tls", "tcp")}
    if not hosts:
        for given, words in (
            (gateways, "gateways"),
            (routes["tls"], "tls route"),
            (routes["tcp"], "tcp route"),
        ):
            if given:
                yield f"delegate virtual service must have no {words} specified"
    yield from gateway_name_problems(gateways)
    if not _is_for_gateways(gateways):
        yield from _claim_problems(routes["http"], gateways)
    yield from _hosts_problems(hosts, gateways, server_names=_has_server_names(routes["tls"]))
    if not any(routes.values()):
        yield "http, tcp or tls must be provided in virtual service"
    for route in routes["http"]:
        yield from route_problems(route, delegated=not hosts)
    for route in routes["tls"]:
        yield from _tls_problems(route, hosts, gateways)
    for route in routes["tcp"]:
        yield from _tcp_problems(route)
    yield from export_problems(sequence(spec.get("exportTo")), namespace)


def _is_for_gateways(gateways: list[str]) -> bool:
    return bool(gateways) and MESH not in gateways


def _has_server_names(routes: list[Object]) -> bool:
    return any(match.get("sniHosts") for route in routes for match in sequence(route.get("match")))


def _claim_problems(routes: list[Object], gateways: list[str]) -> Iterator[str]:
    matches = (match for route in routes for match in sequence(route.get("match")))
    for match in matches:
        for name in (*mapping(match.get("headers")), *mapping(match.get("withoutHeaders"))):
            if claim_path(name):
                yield (
                    f"JWT claim based routing (key: {name}) is only supported for gateway, "
                    f"found no gateways: [{' '.join(gateways)}]"
                )


def _hosts_problems(hosts: list[str], gateways: list[str], *, server_names: bool) -> Iterator[str]:
    for_gateways, valid = _is_for_gateways(gateways), True
    for host in hosts:
        problems = list(
            gateway_host_problems(host, server_name=server_names) if for_gateways else host_problems(host)
        )
        if problems and not is_address(host):
            yield from problems
            valid = False
        elif not problems and host == "*" and not for_gateways:
            yield "wildcard host * is not allowed for virtual services bound to the mesh gateway"
            valid = False
    if valid:
        for one, other in combinations(hosts, 2):
            if overlap(one, other):
                yield f"duplicate hosts in virtual service: {one} & {other}"


def _tls_problems(route: Object, hosts: list[str], gateways: list[str]) -> Iterator[str]:
    matches = sequence(route.get("match"))
    if not matches:
        yield "TLS route must have at least one match condition"
    for match in matches:
        if not sequence(match.get("sniHosts")):
            yield "TLS match must have at least one SNI host"
        for name in sequence(match.get("sniHosts")):
            yield from _server_name_problems(name, hosts, gateways)
        yield from _connection_problems(match)
    yield from _connections_problems(route, "TLS")


def _server_name_problems(name: str, hosts: list[str], gateways: list[str]) -> Iterator[str]:
    # Without any gateway it is for the sidecars, and yet looked at as if it were for a gateway.
    problems = list(
        host_problems(name) if MESH in gateways else gateway_host_problems(name, server_name=True)
    )
    if problems:
        yield from () if is_address(name) else problems
    elif not any(is_covered(name, host) for host in hosts):
        yield (
            f"SNI host {quoted(name)} is not a compatible subset of any of the virtual service hosts: "
            f"[{', '.join(hosts)}]"
        )


def _tcp_problems(route: Object) -> Iterator[str]:
    for match in sequence(route.get("match")):
        yield from _connection_problems(match)
    yield from _connections_problems(route, "TCP")


def _connection_problems(match: Object) -> Iterator[str]:
    for subnet in sequence(match.get("destinationSubnets")):
        yield from subnet_problems(subnet)
    if match.get("port"):
        yield from port_problems(match["port"])
    yield from tag_problems(mapping(match.get("sourceLabels")))
    yield from gateway_name_problems(sequence(match.get("gateways")))


def _connections_problems(route: Object, kind: str) -> Iterator[str]:
    if not sequence(route.get("route")):
        yield f"{kind} route is required"
    yield from destinations_problems(sequence(route.get("route")))
