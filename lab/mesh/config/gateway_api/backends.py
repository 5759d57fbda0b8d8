"""The backends of a route: references to Services, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator

from lab.mesh.config.gateway_api.attachment import Refusal
from lab.mesh.config.gateway_api.declared import GatewayApi
from lab.mesh.config.gateway_api.gateways import HTTP_ROUTE
from lab.mesh.config.gateway_api.http_routes import Backend, HttpRoute
from lab.mesh.model.hosts import service_host
from lab.mesh.model.routing import Destination
from lab.mesh.workloads.service_registry import Service, ServiceRegistry


def resolve(
    backend: Backend, route: HttpRoute, declared: GatewayApi, registry: ServiceRegistry
) -> Destination | Refusal:
    """The destination of a reference, or why it has none."""
    if (backend.group, backend.kind) != ("", "Service"):
        what = f'group "{backend.group}" kind "{backend.kind}"'
        return Refusal("InvalidKind", f"referencing unsupported backendRef: {what}")
    namespace = backend.namespace or route.namespace
    if namespace != route.namespace and not _granted(namespace, backend, route, declared):
        who = f'HTTPRoute in namespace "{route.namespace}" (missing a ReferenceGrant?)'
        message = f"backendRef {backend.name}/{namespace} not accessible to a {who}"
        return Refusal("RefNotPermitted", message)
    if backend.port is None:
        return Refusal("UnsupportedValue", "port is required in backendRef")
    host = service_host(backend.name, namespace)
    if service_at(host, registry) is None:
        return Refusal("BackendNotFound", f"backend({host}) not found")
    return Destination(
        host=host,
        port=backend.port,
        weight=backend.weight,
        request_headers=backend.request_headers,
        response_headers=backend.response_headers,
    )


def service_at(host: str, registry: ServiceRegistry) -> Service | None:
    """The Service of this fully qualified name."""
    return next((service for service in registry.services if service.host == host), None)


def refusals(route: HttpRoute, declared: GatewayApi, registry: ServiceRegistry) -> Iterator[Refusal]:
    """What is wrong with the references of a route."""
    for rule in route.rules:
        for backend in rule.backends:
            found = resolve(backend, route, declared, registry)
            if isinstance(found, Refusal):
                yield found


def _granted(namespace: str, backend: Backend, route: HttpRoute, declared: GatewayApi) -> bool:
    source = (*HTTP_ROUTE, route.namespace)
    return any(
        grant.namespace == namespace and grant.allows(source, backend.group, backend.kind, backend.name)
        for grant in declared.grants
    )
