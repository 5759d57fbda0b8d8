"""From attached routes to the listeners of one gateway pod.

Of several listeners on one port the one with the most specific hostname serves a host, and no other does.
For one host the most specific match decides: an exact path before the longest prefix before a regular
expression, then a method, more headers, more query parameters; then the older route, then the order of rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from lab.mesh.config.gateway_api import attachment, backends
from lab.mesh.config.gateway_api.attachment import ANY, Refusal
from lab.mesh.config.gateway_api.declared import GatewayApi
from lab.mesh.config.gateway_api.gateways import Gateway
from lab.mesh.config.gateway_api.http_routes import HttpRoute, Rule
from lab.mesh.model.hosts import most_specific
from lab.mesh.model.proxy_config import Listener
from lab.mesh.model.routing import (
    Destination,
    Forward,
    Redirect,
    RequestMatch,
    Respond,
    Route,
    TextMatching,
    VirtualHost,
)
from lab.mesh.workloads.service_registry import ServiceRegistry, Workload, target_port

NOWHERE = 500
"""The answer where a rule leads to no backend that exists and may be referred to."""

INVALID = "invalid-backend"
"""The host of what takes the share of such a backend; nobody has it."""

_RANKS = {TextMatching.EXACT: 0, TextMatching.PREFIX: 1, TextMatching.SEGMENTS: 1, TextMatching.REGEX: 2}


@dataclass
class _Port:
    """A port of the pod in the making."""

    listener_hosts: set[str] = field(default_factory=set)
    routes: dict[str, list[Route]] = field(default_factory=dict)
    """By host."""


def listeners(declared: GatewayApi, registry: ServiceRegistry, workload: Workload) -> tuple[Listener, ...]:
    """The listeners of the pod, for the Gateways whose Services select it."""
    ports: dict[int, _Port] = {}
    for gateway in declared.gateways:
        for number, found in _ports_of(gateway, declared, registry, workload):
            port = ports.setdefault(number, _Port())
            port.listener_hosts |= found.listener_hosts
            for host, routes in found.routes.items():
                port.routes.setdefault(host, []).extend(routes)
    return tuple(Listener(number, _virtual_hosts(port)) for number, port in sorted(ports.items()))


def _ports_of(
    gateway: Gateway, declared: GatewayApi, registry: ServiceRegistry, workload: Workload
) -> Iterator[tuple[int, _Port]]:
    served = [listener for listener in gateway.listeners if listener.supported_kinds]
    targets = {listener.name: _pod_ports(listener.port, gateway, registry, workload) for listener in served}
    if not any(targets.values()):
        return
    attached = list(attachment.attached_to(gateway, declared))
    for listener in served:
        rivals = [each.hostname or "*" for each in served if each.port == listener.port]
        port = _Port({listener.hostname})
        for route, each in attached:
            if each.listener == listener:
                for host in each.hostnames:
                    if most_specific(rivals, host or "*") == (listener.hostname or "*"):
                        port.routes.setdefault(host, []).extend(_routes(route, declared, registry))
        for number in targets[listener.name]:
            yield number, port


def _pod_ports(number: int, gateway: Gateway, registry: ServiceRegistry, workload: Workload) -> list[int]:
    """The ports of this pod behind a port of the gateway's Services."""
    targets = {
        target_port(port, workload)
        for host in gateway.service_hosts
        if (service := backends.service_at(host, registry)) is not None and service.selects(workload)
        for port in service.ports
        if port.port == number
    }
    return sorted(target for target in targets if target is not None)


def _virtual_hosts(port: _Port) -> tuple[VirtualHost, ...]:
    # A listener's host without any route is not left to a listener with a wider one: nobody serves it.
    hosts = {host: port.routes.get(host, []) for host in sorted({*port.routes, *port.listener_hosts})}
    return tuple(
        VirtualHost((host or "*",), tuple(sorted(dict.fromkeys(routes), key=_specificity)))
        for host, routes in hosts.items()
        if routes or host != ANY
    )


def _specificity(route: Route) -> tuple[int, int, bool, int, int]:
    match = route.match
    rank, length = (_RANKS[match.path.matching], len(match.path.text)) if match.path else (1, 0)
    return rank, -length, match.method is None, -len(match.headers), -len(match.query)


def _routes(route: HttpRoute, declared: GatewayApi, registry: ServiceRegistry) -> Iterator[Route]:
    for number, rule in enumerate(route.rules):
        action = _action(rule, route, declared, registry)
        for match in rule.matches:
            yield _route(match, action, rule, f"{route.namespace}.{route.name}.{number}")


def _route(match: RequestMatch, action: Forward | Redirect | Respond, rule: Rule, name: str) -> Route:
    return Route(
        action=action,
        match=match,
        request_headers=rule.request_headers,
        response_headers=rule.response_headers,
        name=name,
    )


def _action(
    rule: Rule, route: HttpRoute, declared: GatewayApi, registry: ServiceRegistry
) -> Forward | Redirect | Respond:
    if rule.redirect is not None:
        return rule.redirect
    weighty = [backend for backend in rule.backends if backend.weight]
    found = [backends.resolve(backend, route, declared, registry) for backend in weighty]
    if all(isinstance(each, Refusal) for each in found):
        return Respond(NOWHERE)
    return Forward(
        destinations=_destinations(found, [backend.weight for backend in weighty]),
        path=rule.path,
        host=rule.host,
        timeout_s=rule.timeout_s,
        unknown_status=NOWHERE,
    )


def _destinations(found: Sequence[Destination | Refusal], weights: Sequence[int]) -> tuple[Destination, ...]:
    """A backend that may not be used keeps its share of the requests: they fail."""
    return tuple(
        Destination(INVALID, 1, weight=weight) if isinstance(each, Refusal) else each
        for each, weight in zip(found, weights, strict=True)
    )
