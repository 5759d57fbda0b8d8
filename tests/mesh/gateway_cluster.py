"""A cluster with the Gateway API: real definitions, defaults and writes, but only the mesh's controller."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar

from lab.kube.client import (
    CUSTOM_RESOURCE_DEFINITIONS,
    ENDPOINT_SLICES,
    NAMESPACES,
    PODS,
    SERVICES,
    GroupResource,
    Object,
    Store,
    clone,
)
from lab.kube.kinds.scheme import Scheme
from lab.kube.writing.writes import Writes
from lab.mesh.config import current
from lab.mesh.config.cel_rules import CEL_RULES
from lab.mesh.config.gateway_api import declared, routing
from lab.mesh.config.gateway_api.controller import GatewayController
from lab.mesh.model.proxy_config import Listener
from lab.mesh.model.routing import VirtualHost
from lab.mesh.workloads import service_registry
from lab.mesh.workloads.service_registry import ServiceRegistry
from tests.mesh.cluster import Cluster
from tests.planes.differences import Kind

GROUP = "gateway.networking.k8s.io"
GATEWAYS, ROUTES, GRANTS = (
    GroupResource(GROUP, "gateways"),
    GroupResource(GROUP, "httproutes"),
    GroupResource(GROUP, "referencegrants"),
)

HTTP = {"name": "http", "port": 80, "protocol": "HTTP"}
POD = "10.244.0.50"
LABEL = "gateway.networking.k8s.io/gateway-name"


def all_namespaces(listener: Mapping[str, Any] = HTTP) -> Object:
    return {**listener, "allowedRoutes": {"namespaces": {"from": "All"}}}


@cache
def definitions() -> list[Object]:
    """Of the mesh, read from their files once."""
    return list(current.API.definitions())


@dataclass
class GatewayCluster:
    """Namespaces foo and bar; httpbin:8000 in both."""

    kind: ClassVar[Kind] = "reference"

    objects: Writes = field(init=False)
    controller: GatewayController = field(init=False)

    def __post_init__(self) -> None:
        scheme = Scheme()
        scheme.cel_rules.update(CEL_RULES)
        self.objects = Writes(Store(), scheme)
        for definition in definitions():
            self.objects.create(CUSTOM_RESOURCE_DEFINITIONS, clone(definition), manager="test")
        self.controller = GatewayController(self.objects, self.registry)
        self.controller.install()
        for namespace, labels in (("foo", {}), ("bar", {"team": "bar"})):
            metadata = {"name": namespace, "labels": labels}
            self.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
            port = {"name": "http", "port": 8000, "targetPort": 8080}
            spec = {"selector": {"app": "httpbin"}, "ports": [port]}
            metadata = {"name": "httpbin", "namespace": namespace}
            self.create(SERVICES, {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})

    @property
    def store(self) -> Store:
        return self.objects.store

    def create(self, key: GroupResource, obj: Object) -> Object:
        return self.objects.create(key, obj, manager="test")

    def gateway(self, name: str = "gw", *listeners: Object, **metadata: Any) -> Object:
        """Of the namespace foo and the class istio, unless said otherwise."""
        spec = {"gatewayClassName": "istio", "listeners": list(listeners or [HTTP])} | metadata.pop(
            "spec", {}
        )
        return self.create(
            GATEWAYS,
            {
                "apiVersion": f"{GROUP}/v1",
                "kind": "Gateway",
                "metadata": {"name": name, "namespace": "foo", **metadata},
                "spec": spec,
            },
        )

    def route(self, name: str, *rules: Object, namespace: str = "foo", **spec: Any) -> Object:
        """For the gateway `gw` of foo; without rules all requests go to httpbin:8000."""
        spec.setdefault("parentRefs", [{"name": "gw", "namespace": "foo"}])
        return self.create(
            ROUTES,
            {
                "apiVersion": f"{GROUP}/v1",
                "kind": "HTTPRoute",
                "metadata": {"name": name, "namespace": namespace},
                "spec": {"rules": list(rules or [to("httpbin")])} | spec,
            },
        )

    def grant(self, namespace: str, source: str, name: str | None = None) -> None:
        """HTTPRoutes of the namespace `source` may refer to Services of `namespace`."""
        target = {"group": "", "kind": "Service"} | ({"name": name} if name else {})
        spec = {"from": [{"group": GROUP, "kind": "HTTPRoute", "namespace": source}], "to": [target]}
        metadata = {"name": "grant", "namespace": namespace}
        self.create(
            GRANTS,
            {
                "apiVersion": f"{GROUP}/v1beta1",
                "kind": "ReferenceGrant",
                "metadata": metadata,
                "spec": spec,
            },
        )

    def run_pod(
        self, gateway: str = "gw", ports: Sequence[int] = (80,), address: str = POD, *, ready: bool = True
    ) -> None:
        """A pod of the gateway behind its Service, as the other controllers would see to."""
        cluster = Cluster(self.store)
        cluster.pod(gateway, "foo", address, app="", sidecar=False, labels={LABEL: gateway})
        slice_ = {
            "metadata": {
                "name": f"{gateway}-istio-x",
                "namespace": "foo",
                "labels": {"kubernetes.io/service-name": f"{gateway}-istio"},
            },
            "endpoints": [{"addresses": [address], "conditions": {"ready": ready}}],
            "ports": [{"name": self._name_of(gateway, port), "port": port} for port in ports],
        }
        self.store.put(ENDPOINT_SLICES, slice_)

    def _name_of(self, gateway: str, number: int) -> str:
        service = self.store.get(SERVICES, "foo", f"{gateway}-istio")
        assert service
        [name] = [port["name"] for port in service["spec"]["ports"] if port["port"] == number]
        return str(name)

    def assign(self, address: str, service: str = "gw-istio") -> None:
        """What the cluster's load balancer would do."""
        status = {"loadBalancer": {"ingress": [{"ip": address}]}}
        self.objects.set_status(SERVICES, "foo", service, status, manager="test")

    def registry(self) -> ServiceRegistry:
        return service_registry.read(self.store, trust_domain="cluster.local", root_namespace="istio-system")

    def listeners(self, gateway: str = "gw") -> tuple[Listener, ...]:
        """What the pod of this gateway listens on."""
        self.controller.reconcile()
        if self.store.get(PODS, "foo", gateway) is None:
            self.run_pod(gateway, ())
        seen = self.registry()
        [pod] = [each for each in seen.workloads if each.name == gateway]
        return routing.listeners(declared.read(self.store), seen, pod)

    def hosts(self, gateway: str = "gw") -> dict[str, VirtualHost]:
        """The hosts that its only port serves, by domain."""
        [listener] = self.listeners(gateway)
        return {domain: host for host in listener.virtual_hosts for domain in host.domains}

    def status(self, key: GroupResource, name: str, namespace: str = "foo") -> Any:
        self.controller.reconcile()
        found = self.store.get(key, namespace, name)
        assert found
        return found.get("status")

    def conditions(self, name: str = "gw") -> dict[str, tuple[str, str]]:
        """Status and reason of the gateway's conditions."""
        return said(self.status(GATEWAYS, name)["conditions"])

    def verdicts(self, route: str, namespace: str = "foo") -> dict[str, tuple[str, str]]:
        """Status and reason of the conditions that the only parent of a route has."""
        [parent] = self.status(ROUTES, route, namespace)["parents"]
        return said(parent["conditions"])


def said(conditions: Sequence[Mapping[str, Any]]) -> dict[str, tuple[str, str]]:
    return {each["type"]: (each["status"], each["reason"]) for each in conditions}


def to(*backends: str | Object, **rule: Any) -> Object:
    """A rule that forwards to backends: names (port 8000), or references."""
    return {
        **rule,
        "backendRefs": [
            {"name": backend, "port": 8000} if isinstance(backend, str) else backend for backend in backends
        ],
    }


def path(kind: str, value: str, **match: Any) -> Object:
    return {"path": {"type": kind, "value": value}, **match}
