"""The service registry: the workloads, Services and endpoints of the cluster, without policies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from lab.kube.client import CLUSTER_DOMAIN, ENDPOINT_SLICES, PODS, SERVICES, Object, Store
from lab.mesh.model.hosts import service_host
from lab.mesh.model.proxy_config import Identity, Protocol
from lab.mesh.workloads import external_names
from lab.mesh.workloads.gateway_pods import is_gateway
from lab.mesh.workloads.injection import STATUS_ANNOTATION, TLS_MODE_LABEL

KEYS = (PODS, SERVICES, ENDPOINT_SLICES)
"""What `read` depends on."""

FINISHED = frozenset({"Succeeded", "Failed"})

# How a Service says what it speaks: `appProtocol`, else the part of the port's name before the first dash.
DECLARED = {
    "http": Protocol.HTTP,
    "kubernetes.io/ws": Protocol.HTTP,
    "http2": Protocol.HTTP2,
    "grpc": Protocol.HTTP2,
    "grpc-web": Protocol.HTTP2,
    "kubernetes.io/h2c": Protocol.HTTP2,
    "tcp": Protocol.TCP,
    "tls": Protocol.TCP,
    "https": Protocol.TCP,
    "kubernetes.io/wss": Protocol.TCP,
    "mongo": Protocol.TCP,
    "mysql": Protocol.TCP,
    "redis": Protocol.TCP,
}


@dataclass(frozen=True)
class Workload:
    """A pod. `injected`: it has a sidecar; `gateway`: it is a proxy and nothing else; `announces_tls`: its
    label tells clients to use mutual TLS."""

    name: str
    namespace: str
    uid: str
    address: str
    labels: Mapping[str, str]
    service_account: str
    injected: bool
    announces_tls: bool
    named_ports: Mapping[str, int]
    gateway: bool = False


@dataclass(frozen=True)
class ServicePort:
    """A port of a Service. `target` is a number, or the name of a container's port."""

    name: str
    port: int
    target: int | str
    protocol: Protocol


@dataclass(frozen=True)
class ServiceEndpoint:
    """A ready instance of one service port."""

    address: str
    port: int


@dataclass(frozen=True)
class Service:
    """A Service of type ClusterIP, NodePort or LoadBalancer. `endpoints` is keyed by the port's name."""

    name: str
    namespace: str
    created: str
    addresses: tuple[str, ...]
    ports: tuple[ServicePort, ...]
    selector: Mapping[str, str]
    endpoints: Mapping[str, tuple[ServiceEndpoint, ...]]
    also: tuple[tuple[str, str], ...] = ()
    """Namespaces and names of the Services of type ExternalName that mean this one."""

    @property
    def host(self) -> str:
        return service_host(self.name, self.namespace)

    def selects(self, workload: Workload) -> bool:
        return (
            bool(self.selector)
            and workload.namespace == self.namespace
            and self.selector.items() <= workload.labels.items()
        )


@dataclass(frozen=True)
class ServiceRegistry:
    """All workloads and Services."""

    trust_domain: str
    root_namespace: str
    workloads: tuple[Workload, ...] = ()
    services: tuple[Service, ...] = field(default=())

    @cached_property
    def by_address(self) -> Mapping[str, Workload]:
        return {workload.address: workload for workload in self.workloads if workload.address}

    def identity(self, workload: Workload) -> Identity:
        return Identity(self.trust_domain, workload.namespace, workload.service_account)

    def bindings(self, workload: Workload) -> dict[int, tuple[Service, ServicePort]]:
        """The workload's ports that a Service exposes, with the Service (of two, the older one)."""
        ports: dict[int, tuple[Service, ServicePort]] = {}
        for service in sorted(self.services, key=lambda each: (each.created, each.name)):
            if not service.selects(workload):
                continue
            for port in service.ports:
                target = target_port(port, workload)
                if target is not None:
                    ports.setdefault(target, (service, port))
        return dict(sorted(ports.items()))

    def served_ports(self, workload: Workload) -> dict[int, Protocol]:
        """The protocols of the workload's ports that a Service exposes."""
        return {number: port.protocol for number, (_, port) in self.bindings(workload).items()}


def target_port(port: ServicePort, workload: Workload) -> int | None:
    """The container port behind a service port; None when the workload has no port of that name."""
    return port.target if isinstance(port.target, int) else workload.named_ports.get(port.target)


def declared_protocol(name: str, app_protocol: str) -> Protocol:
    """What a Service port speaks, by `appProtocol` or else by its name (`http`, `http-web`, `tcp-x` …)."""
    if app_protocol:
        return DECLARED.get(app_protocol.lower(), Protocol.UNDECLARED)
    lower = name.lower()
    if lower == "grpc-web" or lower.startswith("grpc-web-"):
        return Protocol.HTTP2
    return DECLARED.get(lower.partition("-")[0], Protocol.UNDECLARED)


def read(store: Store, *, trust_domain: str, root_namespace: str) -> ServiceRegistry:
    """The registry according to the current objects in the store."""
    slices: dict[tuple[str, str], list[Object]] = {}
    for piece in store.list(ENDPOINT_SLICES):
        namespace, _ = _place(piece)
        owner = piece["metadata"].get("labels", {}).get("kubernetes.io/service-name", "")
        slices.setdefault((namespace, owner), []).append(piece)
    services = store.list(SERVICES)
    also = external_names.by_service(services)
    return ServiceRegistry(
        trust_domain=trust_domain,
        root_namespace=root_namespace,
        workloads=tuple(
            workload_of(pod)
            for pod in store.list(PODS)
            if pod.get("status", {}).get("phase") not in FINISHED and not pod["spec"].get("hostNetwork")
        ),
        services=tuple(
            service_of(service, slices.get(_place(service), ()), also.get(_place(service), ()))
            for service in services
            if not external_names.is_one(service)
        ),
    )


def _place(obj: Object) -> tuple[str, str]:
    return obj["metadata"]["namespace"], obj["metadata"]["name"]


def workload_of(pod: Object) -> Workload:
    metadata, spec = pod["metadata"], pod["spec"]
    labels = metadata.get("labels") or {}
    return Workload(
        name=metadata["name"],
        namespace=metadata["namespace"],
        uid=metadata["uid"],
        address=pod.get("status", {}).get("podIP", ""),
        labels=labels,
        service_account=spec.get("serviceAccountName") or "default",
        injected=STATUS_ANNOTATION in (metadata.get("annotations") or {}),
        announces_tls=labels.get(TLS_MODE_LABEL) == "istio",
        named_ports={
            port["name"]: port["containerPort"]
            for container in spec.get("containers", ())
            for port in container.get("ports") or ()
            if port.get("name")
        },
        gateway=is_gateway(pod),
    )


def service_of(service: Object, slices: Iterable[Object], also: tuple[tuple[str, str], ...] = ()) -> Service:
    metadata, spec = service["metadata"], service["spec"]
    cluster_ip = spec.get("clusterIP") or ""
    return Service(
        name=metadata["name"],
        namespace=metadata["namespace"],
        created=metadata.get("creationTimestamp", ""),
        addresses=() if cluster_ip in ("", "None") else tuple(spec.get("clusterIPs") or [cluster_ip]),
        ports=tuple(
            service_port_of(port) for port in spec.get("ports") or () if port.get("protocol", "TCP") == "TCP"
        ),
        selector=spec.get("selector") or {},
        endpoints=endpoints_of(slices),
        also=also,
    )


def service_port_of(port: Object) -> ServicePort:
    name = port.get("name", "")
    return ServicePort(
        name=name,
        port=port["port"],
        target=port.get("targetPort") or port["port"],
        protocol=declared_protocol(name, port.get("appProtocol") or ""),
    )


def endpoints_of(slices: Iterable[Object]) -> dict[str, tuple[ServiceEndpoint, ...]]:
    """Ready endpoints by port name, in a stable order."""
    found: dict[str, set[tuple[str, int]]] = {}
    for piece in slices:
        ready = [
            address
            for endpoint in piece.get("endpoints") or ()
            if (endpoint.get("conditions") or {}).get("ready", True) is not False
            for address in endpoint["addresses"]
        ]
        for port in piece.get("ports") or ():
            if port.get("port"):
                pairs = found.setdefault(port.get("name") or "", set())
                pairs.update((address, port["port"]) for address in ready)
    return {
        name: tuple(ServiceEndpoint(address, port) for address, port in sorted(pairs))
        for name, pairs in found.items()
    }


def addresses_of(store: Store, host: str) -> tuple[str, ...] | None:
    """The addresses of a DNS name of the cluster (`httpbin.foo`, `httpbin.foo.svc`, ...); None: no such name.

    As in the cluster's DNS: a Service's virtual IP, or the ready endpoints of a headless one.
    """
    parts = (
        host.removesuffix(".").lower().removesuffix(f".svc.{CLUSTER_DOMAIN}").removesuffix(".svc").split(".")
    )
    if len(parts) != 2:
        return None
    name, namespace = parts
    found = store.get(SERVICES, namespace, name)
    if found is None or external_names.is_one(found):
        return None
    slices = [
        piece
        for piece in store.list(ENDPOINT_SLICES, namespace)
        if piece["metadata"].get("labels", {}).get("kubernetes.io/service-name") == name
    ]
    service = service_of(found, slices)
    ready = {each.address for endpoints in service.endpoints.values() for each in endpoints}
    return service.addresses or tuple(sorted(ready))
