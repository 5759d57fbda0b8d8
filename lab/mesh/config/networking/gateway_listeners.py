"""From Gateways and VirtualServices to the listeners of one gateway pod.

Istio's rules: a Gateway is for the pods it selects, in whatever namespace. A server's port is that of a
Service in front of the pod, and the pod listens on its target port; without such a Service, on the port
itself. A VirtualService is served where it is bound by name, for the hosts that it has in common with a
server; of a host and a wildcard that covers it the host is meant. Several for one host are tried from the
oldest on, with routes for every request at the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from lab.mesh.config.networking.declared import Networking
from lab.mesh.config.networking.gateway import ANY_NAMESPACE, Gateway, Server
from lab.mesh.config.networking.virtual_service import HttpMatch, HttpRoute, VirtualService
from lab.mesh.model import ports
from lab.mesh.model.hosts import matches
from lab.mesh.model.proxy_config import Listener
from lab.mesh.model.routing import (
    Destination,
    Forward,
    RequestMatch,
    Route,
    TextMatch,
    TextMatching,
    VirtualHost,
)
from lab.mesh.workloads.service_registry import ServiceRegistry, Workload, target_port

EVERYTHING = frozenset(
    {
        RequestMatch(),
        RequestMatch(path=TextMatch(TextMatching.PREFIX, "/")),
        RequestMatch(path=TextMatch(TextMatching.REGEX, ".*")),
    }
)


@dataclass(frozen=True)
class _Opened:
    """A server of a gateway, on the port of the pod that it comes down to."""

    port: int
    gateway: Gateway
    server: Server


def listeners(networking: Networking, registry: ServiceRegistry, workload: Workload) -> tuple[Listener, ...]:
    """The listeners of the pod. Servers for anything but plain HTTP are not served."""
    by_port: dict[int, list[_Opened]] = {}
    for opened in _opened(networking.gateways, registry, workload):
        by_port.setdefault(opened.port, []).append(opened)
    visible = [
        rule
        for rule in sorted(networking.virtual_services, key=lambda each: each.age)
        if rule.exported_to(workload.namespace)
    ]
    return tuple(
        Listener(port, _virtual_hosts(servers, visible, registry, workload))
        for port, servers in sorted(by_port.items())
        # The first server of a port says what is spoken there; what disagrees is left out.
        if servers[0].server.is_plain_http and port not in ports.RESERVED
    )


def _opened(gateways: Iterable[Gateway], registry: ServiceRegistry, workload: Workload) -> Iterator[_Opened]:
    for gateway in sorted(gateways, key=lambda each: each.age):
        if gateway.selector.items() <= workload.labels.items():
            for server in gateway.servers:
                for port in _pod_ports(server.port, registry, workload):
                    yield _Opened(port, gateway, server)


def _pod_ports(number: int, registry: ServiceRegistry, workload: Workload) -> Sequence[int]:
    targets = {
        target_port(port, workload)
        for service in registry.services
        if service.selects(workload)
        for port in service.ports
        if port.port == number
    }
    return sorted(target for target in targets if target is not None) or [number]


@dataclass
class _Host:
    """A virtual host in the making."""

    routes: list[Route]
    https_redirect: bool = False


def _virtual_hosts(
    servers: Sequence[_Opened],
    routes: Sequence[VirtualService],
    registry: ServiceRegistry,
    workload: Workload,
) -> tuple[VirtualHost, ...]:
    hosts: dict[str, _Host] = {}
    for opened in servers:
        if not opened.server.is_plain_http:
            continue
        for rule in routes:
            if opened.gateway.key not in rule.gateways:
                continue
            found = list(_routes(rule, opened, registry, workload))
            if not found:
                continue
            for host in _common_hosts(opened.server, rule):
                # Letters count where they are compared with each other, but not for requests.
                entry = hosts.setdefault(host.lower(), _Host([]))
                # Two servers of one port may share a host; its routes are the same then.
                entry.routes += [route for route in found if route not in entry.routes]
        if opened.server.https_redirect:
            for each in opened.server.hosts:
                hosts.setdefault(each.host.lower(), _Host([]))
            for host, entry in hosts.items():
                entry.https_redirect |= any(matches(each.host.lower(), host) for each in opened.server.hosts)
    return tuple(
        VirtualHost((host,), tuple(sorted(entry.routes, key=_catches_all)), entry.https_redirect)
        for host, entry in sorted(hosts.items())
    )


def _catches_all(route: Route) -> bool:
    return route.match in EVERYTHING


def _common_hosts(server: Server, rule: VirtualService) -> Sequence[str]:
    found: dict[str, None] = {}
    for each in server.hosts:
        if each.namespace in (ANY_NAMESPACE, rule.namespace):
            for host in rule.hosts:
                if matches(each.host, host):
                    found[host] = None
                elif matches(host, each.host):
                    found[each.host] = None
    return list(found)


def _routes(
    rule: VirtualService, opened: _Opened, registry: ServiceRegistry, workload: Workload
) -> Iterator[Route]:
    """In order, up to the first that takes every request."""
    for route in rule.http:
        for match in route.matches or (None,):
            if match is None or _concerns(match, opened, workload):
                request = match.request if match is not None else RequestMatch()
                built = _route(route, request, opened.server.port, registry)
                yield built
                if _catches_all(built):
                    return


def _concerns(match: HttpMatch, opened: _Opened, workload: Workload) -> bool:
    if match.port is not None and match.port != opened.server.port:
        return False
    if match.gateways:
        return opened.gateway.key in match.gateways
    return match.source_namespace in ("", workload.namespace) and (
        match.source_labels.items() <= workload.labels.items()
    )


def _route(route: HttpRoute, request: RequestMatch, port: int, registry: ServiceRegistry) -> Route:
    return Route(
        action=route.redirect or route.respond or _forward(route, port, registry),
        match=request,
        request_headers=route.request_headers,
        response_headers=route.response_headers,
        name=route.name,
    )


def _forward(route: HttpRoute, port: int, registry: ServiceRegistry) -> Forward:
    return Forward(
        destinations=tuple(
            Destination(
                host=each.host,
                port=each.port if each.port is not None else _only_port(each.host, port, registry),
                subset=each.subset,
                # The weight of an only destination means nothing.
                weight=each.weight if len(route.destinations) > 1 else 1,
                request_headers=each.request_headers,
                response_headers=each.response_headers,
            )
            for each in route.destinations
        ),
        path=route.rewrite_path,
        host=route.authority,
        timeout_s=route.timeout_s,
        retries=route.retries,
    )


def _only_port(host: str, asked: int, registry: ServiceRegistry) -> int:
    """Of a service with one port that port, otherwise the one that the client asked for."""
    for service in registry.services:
        if service.host == host and len(service.ports) == 1:
            return service.ports[0].port
    return asked
