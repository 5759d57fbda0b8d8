"""The intermediate model: what a workload's proxy must do, without a word about Envoy or about policy APIs.

Every policy API of the reference mesh ends here, and everything after it (Envoy resources, files) starts
here. Nothing in it refers to a policy: a `Snapshot` holds conclusions only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from lab.mesh.model.routing import VirtualHost

CLUSTER_DOMAIN = "cluster.local"
"""The DNS domain of the cluster; it is not the trust domain, which the mesh may name differently."""


class MutualTls(StrEnum):
    """What a workload's port accepts."""

    DISABLE = "DISABLE"
    PERMISSIVE = "PERMISSIVE"
    STRICT = "STRICT"
    ANY_TLS = "ANY_TLS"
    """TLS; the client need not have a certificate."""


class Protocol(StrEnum):
    """What is spoken on a port, as its Service declares it."""

    HTTP = "http"
    HTTP2 = "http2"
    TCP = "tcp"
    UNDECLARED = "undeclared"

    @property
    def is_http(self) -> bool:
        return self in (Protocol.HTTP, Protocol.HTTP2)


class TlsOrigination(StrEnum):
    """What a client does to reach a service."""

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
class TokenHeader:
    """A header that may carry a token: what follows the prefix, or all of it if there is none."""

    name: str
    prefix: str = ""


@dataclass(frozen=True)
class ClaimHeader:
    """A header that tells the application one claim of the token; a dot goes into a nested claim."""

    header: str
    claim: str


@dataclass(frozen=True)
class JwtRule:
    """Whose tokens are believed. Without any location: `Authorization: Bearer` and `?access_token=`."""

    issuer: str
    """Empty: whoever the token names."""
    jwks: str | None
    """The issuer's public keys, as the text of a JSON Web Key Set; None while they cannot be had."""
    audiences: tuple[str, ...] = ()
    """The token must be for one of them; none: for anybody."""
    from_headers: tuple[TokenHeader, ...] = ()
    from_params: tuple[str, ...] = ()
    from_cookies: tuple[str, ...] = ()
    output_payload_to_header: str = ""
    output_claim_to_headers: tuple[ClaimHeader, ...] = ()
    forward_original_token: bool = False
    space_delimited_claims: tuple[str, ...] = ()
    """Claims whose text is a list, besides those that always are (`scope`, `permission`)."""


@dataclass(frozen=True)
class TokenDemand:
    """The token must be of one of these issuers, or the request is refused: 401, with this as its body."""

    issuers: tuple[str, ...]
    """None: no token will do."""
    refusal: str


@dataclass(frozen=True)
class TokenCheck:
    """Demands that one token of a request has to satisfy, all of them: the first token that is found.

    It is looked for in `Authorization` first, then in headers by name (what follows a first blank, if there
    is one), then in parameters by name; where a rule looks, only its own issuer's token counts. It must say
    until when it is valid, and is so during that second. Wherever it fails, the demands are not satisfied.
    """

    rules: tuple[JwtRule, ...]
    demands: tuple[TokenDemand, ...]
    algorithms: tuple[str, ...]
    """Those that a signature may have."""
    clock_skew_s: int = 0


class Attribute(StrEnum):
    """What can be asked about a request or a connection."""

    PRINCIPAL = "principal"
    """The peer's identity that mutual TLS has proven, without `spiffe://`."""
    NAMESPACE = "namespace"
    """The namespace in that identity."""
    SERVICE_ACCOUNT = "service account"
    """`namespace/account` in that identity."""
    TRUST_DOMAIN = "trust domain"
    """The trust domain in that identity."""
    REQUEST_PRINCIPAL = "request principal"
    """`issuer/subject` of the verified token."""
    AUDIENCE = "audience"
    PRESENTER = "presenter"
    CLAIM = "claim"
    SOURCE_IP = "source ip"
    """The address of the direct peer."""
    REMOTE_IP = "remote ip"
    """The address of the original client, as far as proxies are trusted."""
    HOST = "host"
    PORT = "port"
    """The workload's own port."""
    METHOD = "method"
    PATH = "path"
    HEADER = "header"
    DESTINATION_IP = "destination ip"
    SNI = "sni"
    METADATA = "metadata"
    """What another filter has found out."""


@dataclass(frozen=True)
class Condition:
    """One attribute against alternatives, each in the notation of the policy API (`exact`, `prefix*` …)."""

    attribute: Attribute
    values: tuple[str, ...]
    negated: bool = False
    """Whether none of the values may match; a missing attribute satisfies that."""
    name: tuple[str, ...] = ()
    """Which header; the path to a nested claim; the filter and the path in what it has found out."""


Conjunction = tuple[Condition, ...]
"""All of them must hold."""


@dataclass(frozen=True)
class AuthorizationRule:
    """Matches a request of any of the sources with any of the operations under all conditions."""

    name: str
    """For the logs of the proxy; unique in an `Authorization`."""
    sources: tuple[Conjunction, ...] = ()
    """None: whoever asks."""
    operations: tuple[Conjunction, ...] = ()
    """None: whatever is asked for."""
    conditions: Conjunction = ()


@dataclass(frozen=True)
class Authorization:
    """Who may do what. What `custom` or `deny` match is refused, then whatever `allow` does not match."""

    custom: tuple[AuthorizationRule, ...] = ()
    """Somebody else should decide, whom the mesh does not know: to be refused before any token is read."""
    deny: tuple[AuthorizationRule, ...] = ()
    allow: tuple[AuthorizationRule, ...] | None = None
    """None: everything is allowed; no rules: nothing is."""
    audit: tuple[AuthorizationRule, ...] = ()
    """What they match is worth a remark; it has no effect on the outcome."""


@dataclass(frozen=True)
class RequestSecurity:
    """What a workload or gateway demands of requests: whose tokens it believes, and who may do what."""

    jwt_rules: tuple[JwtRule, ...] = ()
    """Alternatives. A request without a token passes; one with a token that no rule believes does not."""
    authorization: Authorization = field(default_factory=Authorization)


@dataclass(frozen=True)
class Snapshot:
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
class GatewaySnapshot:
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
