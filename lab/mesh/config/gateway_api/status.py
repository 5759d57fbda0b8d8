"""The statuses of classes, gateways and routes: the Gateway API's reasons, with Istio's messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lab.kube.client import Json, Object
from lab.mesh.config.gateway_api import attachment, backends
from lab.mesh.config.gateway_api.attachment import Refusal
from lab.mesh.config.gateway_api.conditions import Condition, dated
from lab.mesh.config.gateway_api.declared import GatewayApi
from lab.mesh.config.gateway_api.gateways import (
    CONTROLLER,
    HOSTNAME,
    IP_ADDRESS,
    SERVED_KINDS,
    Gateway,
    Listener,
)
from lab.mesh.config.gateway_api.http_routes import HttpRoute, ParentReference
from lab.mesh.workloads.service_registry import ServiceRegistry

NO_ERRORS = "No errors found"


@dataclass(frozen=True)
class Reachability:
    """The state of a gateway's Services."""

    internal: tuple[str, ...] = ()
    """`host:port` of what has a ready pod behind it."""
    external: tuple[tuple[str, str], ...] = ()
    """Types and values of addresses outside the cluster."""
    problems: tuple[str, ...] = ()
    pending: bool = False
    """Whether something only has not got its address yet."""


def of_class(obj: Object, now: str) -> Object:
    accepted = Condition("Accepted", True, "Accepted", "Handled by Istio controller")
    return {"conditions": dated([accepted], _conditions(obj), obj["metadata"]["generation"], now)}


# Gateways


def of_gateway(
    gateway: Gateway,
    obj: Object,
    declared: GatewayApi,
    registry: ServiceRegistry,
    services: Mapping[str, Object],
    now: str,
) -> Object:
    """The status of a gateway; `services` are objects by fully qualified name."""
    before = obj.get("status") or {}
    reachability = reach(gateway, registry, services)
    programmed = _programmed(gateway, reachability)
    resolved = Condition("ResolvedRefs", True, "ResolvedRefs", "All references resolved")
    conditions = [_accepted(gateway), programmed, resolved]
    # An address is reported once it works, and is not taken back while another one is being looked for.
    addresses = _addresses(reachability) if programmed.holds else before.get("addresses") or []
    earlier = {each["name"]: each for each in before.get("listeners") or ()}
    counts = attached_routes(gateway, declared)
    return {
        **({"addresses": addresses} if addresses else {}),
        "conditions": dated(conditions, _conditions(obj), gateway.generation, now),
        "listeners": [
            {
                "name": listener.name,
                "attachedRoutes": counts.get(listener.name, 0),
                "supportedKinds": [
                    {"group": group, "kind": kind} for group, kind in listener.supported_kinds
                ],
                "conditions": dated(
                    of_listener(listener),
                    earlier.get(listener.name, {}).get("conditions") or (),
                    gateway.generation,
                    now,
                ),
            }
            for listener in gateway.listeners
        ],
    }


def attached_routes(gateway: Gateway, declared: GatewayApi) -> dict[str, int]:
    """How many routes are attached to each listener, by its name."""
    attached: dict[str, set[HttpRoute]] = {}
    for route, each in attachment.attached_to(gateway, declared):
        attached.setdefault(each.listener.name, set()).add(route)
    return {name: len(routes) for name, routes in attached.items()}


def of_listener(listener: Listener) -> Iterator[Condition]:
    """Only plain HTTP is served; what cannot be served is not accepted either."""
    problem = _listener_problem(listener)
    kinds = listener.kinds or ()
    unknown = [kind for kind in kinds if kind not in SERVED_KINDS.get(listener.protocol, kinds)]
    if problem is not None:
        yield Condition("Accepted", False, problem.reason, problem.message)
        yield Condition("Programmed", False, "Invalid", problem.message)
    else:
        yield Condition("Accepted", True, "Accepted", NO_ERRORS)
        yield Condition("Programmed", True, "Programmed", NO_ERRORS)
    yield Condition("Conflicted", False, "NoConflicts", NO_ERRORS)
    if unknown:
        message = "; ".join(f"route kind {group}/{kind} is not supported" for group, kind in unknown)
        yield Condition("ResolvedRefs", False, "InvalidRouteKinds", message)
    else:
        yield Condition("ResolvedRefs", True, "ResolvedRefs", NO_ERRORS)


def reach(gateway: Gateway, registry: ServiceRegistry, services: Mapping[str, Object]) -> Reachability:
    """Whether there are Services, ready pods behind their ports, and addresses where they shall have some."""
    internal: list[str] = []
    external: list[tuple[str, str]] = []
    problems: list[str] = []
    pending = True
    for host in gateway.service_hosts:
        service, obj = backends.service_at(host, registry), services.get(host)
        if service is None or obj is None:
            problems.append(f'hostname "{host}" not found')
            pending = False
            continue
        if service.namespace != gateway.namespace:
            elsewhere = f'but it was found in namespace(s) "{service.namespace}"'
            problems.append(f'hostname "{host}" not found in namespace "{gateway.namespace}", {elsewhere}')
            pending = False
            continue
        if not any(service.endpoints.values()):
            problems.append(f'no instances found for hostname "{host}"')
            continue
        for number in dict.fromkeys(listener.port for listener in gateway.listeners):
            port = next((each for each in service.ports if each.port == number), None)
            if port is not None and service.endpoints.get(port.name):
                internal.append(f"{host}:{number}")
            elif port is None or not gateway.provisioned:
                # Of a gateway's own Service, a port that it has is going to be served.
                problems.append(f'port {number} not found for hostname "{host}"')
                pending = False
        found = list(_external(obj))
        if internal and obj["spec"].get("type") == "LoadBalancer" and not found:
            problems.append(f'address pending for hostname "{host}"')
        external += found
    return Reachability(
        tuple(internal), tuple(external), tuple(dict.fromkeys(problems)), bool(problems) and pending
    )


def _accepted(gateway: Gateway) -> Condition:
    if gateway.unsupported_addresses:
        message = f"only Hostname is supported, ignoring {list(gateway.unsupported_addresses)}"
        return Condition("Accepted", False, "UnsupportedAddress", message)
    invalid = [each.name for each in gateway.listeners if _listener_problem(each) is not None]
    if invalid:
        served = len(invalid) < len(gateway.listeners)
        message = f"Listeners that are not valid: {', '.join(invalid)}"
        return Condition("Accepted", served, "ListenersNotValid", message)
    return Condition("Accepted", True, "Accepted", "Resource accepted")


def _programmed(gateway: Gateway, reachability: Reachability) -> Condition:
    if not gateway.service_hosts:
        message = "Failed to assign to any requested addresses"
        return Condition("Programmed", False, "UnsupportedAddress", message)
    services = " and ".join(reachability.internal)
    if not reachability.problems:
        message = f"Resource programmed, assigned to service(s) {services}"
        return Condition("Programmed", True, "Programmed", message)
    problems = "; ".join(reachability.problems)
    if services:
        message = f"Assigned to service(s) {services}, but failed to assign to all requested addresses: "
    else:
        message = "Failed to assign to any requested addresses: "
    reason = "AddressNotAssigned" if reachability.pending else "AddressNotUsable"
    return Condition("Programmed", False, reason, message + problems)


def _addresses(reachability: Reachability) -> list[dict[str, str]]:
    found: Sequence[tuple[str, str]] = reachability.external or [
        (HOSTNAME, each.rpartition(":")[0]) for each in reachability.internal
    ]
    return [{"type": kind, "value": value} for kind, value in dict.fromkeys(found)]


def _external(service: Object) -> Iterator[tuple[str, str]]:
    balancer = (service.get("status") or {}).get("loadBalancer") or {}
    for entry in balancer.get("ingress") or ():
        if entry.get("ip"):
            yield IP_ADDRESS, entry["ip"]
        elif entry.get("hostname"):
            yield HOSTNAME, entry["hostname"]


def _listener_problem(listener: Listener) -> Refusal | None:
    if listener.protocol not in SERVED_KINDS:
        message = f'protocol "{listener.protocol}" is not supported: this mesh serves plain HTTP'
        return Refusal("UnsupportedProtocol", message)
    return None


# Routes


@dataclass(frozen=True)
class Parent:
    """A reference of a route to a gateway of this mesh, and its state."""

    reference: ParentReference
    conditions: tuple[Condition, ...] = field(default_factory=tuple)


def of_route(
    route: HttpRoute, obj: Object, declared: GatewayApi, registry: ServiceRegistry, now: str
) -> Object:
    """The status of a route: the reports of other controllers as they are, and a new one of this mesh."""
    before = (obj.get("status") or {}).get("parents") or ()
    own = {_place(each["parentRef"]): each for each in before if each["controllerName"] == CONTROLLER}
    reports = [
        {
            "parentRef": dict(parent.reference.written),
            "controllerName": CONTROLLER,
            "conditions": dated(
                parent.conditions,
                own.get(_place(parent.reference.written), {}).get("conditions") or (),
                route.generation,
                now,
            ),
        }
        for parent in parents_of(route, declared, registry)
    ]
    return {"parents": [*(each for each in before if each["controllerName"] != CONTROLLER), *reports]}


def parents_of(route: HttpRoute, declared: GatewayApi, registry: ServiceRegistry) -> Iterator[Parent]:
    """The status of each reference to an existing gateway."""
    resolved = _resolved(route, declared, registry)
    for reference in route.parents:
        gateway = declared.by_name.get((reference.namespace, reference.name))
        if gateway is not None and attachment.is_for(reference, gateway):
            found = attachment.attach(route, reference, gateway, declared)
            if isinstance(found, Refusal):
                accepted = Condition("Accepted", False, found.reason, found.message)
            else:
                accepted = Condition("Accepted", True, "Accepted", "Route was valid")
            yield Parent(reference, (accepted, resolved))


def _resolved(route: HttpRoute, declared: GatewayApi, registry: ServiceRegistry) -> Condition:
    refusal = next(backends.refusals(route, declared, registry), None)
    if refusal is not None:
        return Condition("ResolvedRefs", False, refusal.reason, refusal.message)
    return Condition("ResolvedRefs", True, "ResolvedRefs", "All references resolved")


def _place(reference: Object) -> tuple[Json, ...]:
    return tuple(
        reference.get(name) for name in ("group", "kind", "namespace", "name", "sectionName", "port")
    )


def _conditions(obj: Object) -> Sequence[Object]:
    found: Sequence[Object] = (obj.get("status") or {}).get("conditions") or ()
    return found
