"""Gateway (networking.istio.io): on which ports and for which hosts the pods of a gateway accept requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lab.kube.client import GroupResource, Object

KEY = GroupResource("networking.istio.io", "gateways")

ANY_NAMESPACE = "*"


@dataclass(frozen=True)
class ServerHost:
    """`namespace/host`: a host (or a wildcard) for the VirtualServices of one namespace, or of any."""

    namespace: str
    host: str


@dataclass(frozen=True)
class Server:
    """A port of the load balancer, by the number that its clients use."""

    port: int
    protocol: str
    """In upper case: HTTP, HTTPS, HTTP2, GRPC, GRPC-WEB, MONGO, MYSQL, REDIS, TCP or TLS."""
    hosts: tuple[ServerHost, ...]
    https_redirect: bool = False

    @property
    def is_plain_http(self) -> bool:
        return self.protocol in ("HTTP", "HTTP2", "GRPC", "GRPC-WEB")


@dataclass(frozen=True)
class Gateway:
    namespace: str
    name: str
    created: str
    selector: Mapping[str, str]
    """Of pods in every namespace; none selects every gateway there is."""
    servers: tuple[Server, ...]

    @property
    def age(self) -> tuple[str, str, str]:
        """Sort key: the oldest, which decides, is first."""
        return (self.created, self.name, self.namespace)

    @property
    def key(self) -> str:
        """How VirtualServices name it, in full."""
        return f"{self.namespace}/{self.name}"


def parse(obj: Object) -> Gateway:
    """The gateway that a (schema-valid) object declares."""
    metadata, spec = obj["metadata"], obj.get("spec") or {}
    namespace = metadata["namespace"]
    return Gateway(
        namespace=namespace,
        name=metadata["name"],
        created=metadata["creationTimestamp"],
        selector=spec.get("selector") or {},
        servers=tuple(
            Server(
                port=server["port"]["number"],
                protocol=server["port"]["protocol"].upper(),
                hosts=tuple(_host(host, namespace) for host in server.get("hosts") or ()),
                https_redirect=bool((server.get("tls") or {}).get("httpsRedirect")),
            )
            for server in spec.get("servers") or ()
        ),
    )


def _host(text: str, own_namespace: str) -> ServerHost:
    namespace, slash, host = text.partition("/")
    if not slash:
        return ServerHost(ANY_NAMESPACE, namespace)
    return ServerHost(own_namespace if namespace == "." else namespace, host)
