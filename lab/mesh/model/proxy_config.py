"""The intermediate model: what a workload's proxy must do, independent of Envoy and of policy APIs.

Every policy API of the reference mesh ends here, and everything after it (Envoy resources, files) starts
here. Nothing in it refers to a policy: a `ProxyConfig` holds conclusions only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from lab.mesh.model.authorization import Authorization
from lab.mesh.model.routing import VirtualHost
from lab.mesh.model.tokens import JwtRule, TokenCheck


class MutualTls(StrEnum):
    """What a port of a workload accepts."""

    DISABLE = "DISABLE"
    PERMISSIVE = "PERMISSIVE"
    STRICT = "STRICT"
    ANY_TLS = "ANY_TLS"
    """TLS; the client need not have a certificate."""


class Protocol(StrEnum):
    """The protocol of a port, as its Service declares it."""

    HTTP = "http"
    HTTP2 = "http2"
    TCP = "tcp"
    UNDECLARED = "undeclared"

    @property
    def is_http(self) -> bool:
        return self in (Protocol.HTTP, Protocol.HTTP2)


class TlsOrigination(StrEnum):
    """Which TLS a client uses to reach a service."""

    AUTO = "AUTO"
    """Mutual TLS to each endpoint that is marked for it, plain text to the others."""
    DISABLE = "DISABLE"
    SIMPLE = "SIMPLE"
    MUTUAL = "MUTUAL"
    ISTIO_MUTUAL = "ISTIO_MUTUAL"


@dataclass(frozen=True, order=True)
class Identity:
    """A workload identity; its URI is the SPIFFE id."""

    trust_domain: str
    namespace: str
    service_account: str

    @property
    def uri(self) -> str:
        return f"spiffe://{self.trust_domain}/ns/{self.namespace}/sa/{self.service_account}"


@dataclass(frozen=True)
class InboundPort:
    """One port of the workload itself (the container's port, not the Service's)."""

    port: int
    protocol: Protocol
    mode: MutualTls
    bound: bool = True
    """Whether a Service lists it. An unbound port appears only when its mode differs from the default."""
    tokens: TokenCheck | None = None
    """What the requests to this port must prove, besides what the workload as a whole demands."""


@dataclass(frozen=True)
class Inbound:
    """What a workload accepts. `default_mode` holds for every port that is not listed."""

    ports: tuple[InboundPort, ...]
    default_mode: MutualTls
    trust_domains: tuple[str, ...]
    """Mutual TLS is for peers of these trust domains only; none: for all whom the mesh's authority knows."""
    mesh_alpn: bool = True
    """Whether a PERMISSIVE port tells mutual TLS by the protocol that the client names, and leaves other TLS
    to the application (if not HTTP is declared); otherwise all TLS is to be mutual TLS."""
    tells_identity: bool = True
    """Whether the application is told who the peer is. What a client says of that is never passed on."""


@dataclass(frozen=True)
class ClientTls:
    """How a client reaches one service port. File names are paths in the client's file system."""

    origination: TlsOrigination
    sni: str = ""
    subject_alt_names: tuple[str, ...] = ()
    """The server's certificate must carry one of them; none: any name of the mesh (or, outside it, any)."""
    client_certificate: str = ""
    private_key: str = ""
    ca_certificates: str = ""
    verify: bool = True


@dataclass(frozen=True)
class Endpoint:
    """Where one instance of a service listens. `mesh`: it accepts mutual TLS of the mesh on this port."""

    address: str
    port: int
    mesh: bool


@dataclass(frozen=True)
class Upstream:
    """One port of one service (or of one subset of it), as one client sees it."""

    host: str
    """The fully qualified name of the service."""
    port: int
    protocol: Protocol
    aliases: tuple[str, ...]
    """Other names that mean this service when this client says them."""
    addresses: tuple[str, ...]
    """Virtual IPs; none for a headless service, whose endpoints are then dialled as the client asked."""
    endpoints: tuple[Endpoint, ...]
    tls: ClientTls
    subset: str = ""

    @property
    def headless(self) -> bool:
        return not self.addresses


@dataclass(frozen=True)
class RequestSecurity:
    """What a workload or gateway requires of requests: whose tokens it accepts, and who may do what."""

    jwt_rules: tuple[JwtRule, ...] = ()
    """Alternatives. A request without a token passes; one with a token that no rule believes does not."""
    authorization: Authorization = field(default_factory=Authorization)


@dataclass(frozen=True)
class SidecarConfig:
    """Everything one sidecar must do."""

    name: str
    namespace: str
    uid: str
    identity: Identity
    inbound: Inbound
    upstreams: tuple[Upstream, ...]
    security: RequestSecurity = field(default_factory=RequestSecurity)
    """For what the application receives."""


@dataclass(frozen=True)
class Listener:
    """A port of a gateway's pod on which it takes plain HTTP from outside the mesh."""

    port: int
    virtual_hosts: tuple[VirtualHost, ...] = ()
    tokens: TokenCheck | None = None
    """What its requests must prove, besides what the gateway as a whole demands."""


@dataclass(frozen=True)
class GatewayConfig:
    """Everything one gateway must do. Without listeners it takes no connection at all."""

    name: str
    namespace: str
    uid: str
    identity: Identity
    trust_domains: tuple[str, ...]
    """Mutual TLS is with servers of these trust domains only."""
    listeners: tuple[Listener, ...] = ()
    upstreams: tuple[Upstream, ...] = ()
    """Those that its routes name."""
    security: RequestSecurity = field(default_factory=RequestSecurity)
    """For every request of every listener."""


ProxyConfig = SidecarConfig | GatewayConfig
