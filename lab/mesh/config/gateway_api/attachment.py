"""Which routes are attached to which listeners, for which hosts, or why they are not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lab.mesh.config.gateway_api.declared import GatewayApi
from lab.mesh.config.gateway_api.gateways import GROUP, HTTP_ROUTE, Gateway, Listener
from lab.mesh.config.gateway_api.http_routes import HttpRoute, ParentReference
from lab.mesh.model.hosts import matches

ANY = ""


@dataclass(frozen=True)
class Refusal:
    """Why a route is not attached: a reason of the Gateway API, and a message."""

    reason: str
    message: str


@dataclass(frozen=True)
class Attached:
    """A listener that accepts the route, for these hosts (`""`: for any)."""

    listener: Listener
    hostnames: tuple[str, ...]


def is_for(parent: ParentReference, gateway: Gateway) -> bool:
    return (parent.group, parent.kind, parent.namespace, parent.name) == (
        GROUP,
        "Gateway",
        gateway.namespace,
        gateway.name,
    )


def attach(
    route: HttpRoute, parent: ParentReference, gateway: Gateway, declared: GatewayApi
) -> list[Attached] | Refusal:
    """The listeners that the route is attached to by this reference to the gateway: at least one."""
    if route.problems:
        return Refusal("UnsupportedValue", "; ".join(route.problems))
    asked = [listener for listener in gateway.listeners if _is_asked_for(listener, parent)]
    if not asked:
        return Refusal("NoMatchingParent", _no_such_listener(parent, gateway))
    willing = [
        listener
        for listener in asked
        if HTTP_ROUTE in listener.supported_kinds
        and listener.allows_namespace(route.namespace, gateway.namespace, declared.namespaces)
    ]
    if not willing:
        if all(HTTP_ROUTE not in listener.supported_kinds for listener in asked):
            return Refusal("NotAllowedByListeners", "kind HTTPRoute is not allowed by the parent")
        message = f'namespace "{route.namespace}" is not allowed by the parent'
        return Refusal("NotAllowedByListeners", message)
    found = [Attached(listener, common_hosts(listener.hostname, route.hostnames)) for listener in willing]
    if attached := [each for each in found if each.hostnames]:
        return attached
    hosts = ", ".join(f'"{listener.hostname}"' for listener in willing)
    return Refusal("NoMatchingListenerHostname", f"no hostnames matched parent hostname {hosts}")


def attached_to(gateway: Gateway, declared: GatewayApi) -> Iterable[tuple[HttpRoute, Attached]]:
    """Every route with every listener of the gateway that it is attached to."""
    for route in declared.routes:
        for parent in route.parents:
            if is_for(parent, gateway):
                found = attach(route, parent, gateway, declared)
                if not isinstance(found, Refusal):
                    for each in found:
                        yield route, each


def common_hosts(listener: str, route: tuple[str, ...]) -> tuple[str, ...]:
    """The hosts that a listener and a route have in common; of a host and its wildcard the host."""
    if not route:
        return (listener,)
    if listener == ANY:
        return route
    found = [_narrower(listener, host) for host in route]
    return tuple(dict.fromkeys(host for host in found if host))


def _narrower(one: str, other: str) -> str:
    if matches(one, other):
        return other
    return one if matches(other, one) else ""


def _is_asked_for(listener: Listener, parent: ParentReference) -> bool:
    return parent.section in ("", listener.name) and parent.port in (None, listener.port)


def _no_such_listener(parent: ParentReference, gateway: Gateway) -> str:
    if parent.section and parent.section not in {listener.name for listener in gateway.listeners}:
        return f'sectionName "{parent.section}" not found'
    return f"port {parent.port} not found"
