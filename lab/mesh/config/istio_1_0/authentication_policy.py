"""Policy and MeshPolicy: what they declare, and which of them applies to a port of a service.

The most specific one holds, and it alone: for the service (and the port), for the namespace, for the mesh.
Nothing of the others is inherited. Document "Authentication Policy (Istio 1.0)", section "Policy precedence".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lab.kube.client import GroupResource, Object
from lab.mesh.config.istio_1_0 import spelling
from lab.mesh.config.key_source import DeclaredRule, KeySource
from lab.mesh.model.proxy_config import MutualTls
from lab.mesh.model.tokens import JwtRule, TokenHeader
from lab.mesh.workloads.service_registry import Service, ServicePort

KEY = GroupResource("authentication.istio.io", "policies")
MESH_KEY = GroupResource("authentication.istio.io", "meshpolicies")

DEFAULT = "default"
"""The name of the policy of a namespace, or of the mesh."""


@dataclass(frozen=True)
class PortSelector:
    """A port of a service (not of its pods), by number or by name."""

    number: int | None
    name: str | None

    def selects(self, port: ServicePort) -> bool:
        if self.name is not None:
            return self.name == port.name
        return self.number == port.port


@dataclass(frozen=True)
class Target:
    """A service of the policy's namespace, by its short name; without ports all of them."""

    service: str
    ports: tuple[PortSelector, ...] = ()

    def selects(self, service: Service, port: ServicePort) -> bool:
        return self.service == service.name and (
            not self.ports or any(each.selects(port) for each in self.ports)
        )


@dataclass(frozen=True)
class Policy:
    """One Policy, or a MeshPolicy if it has no namespace."""

    namespace: str
    name: str
    created: str
    targets: tuple[Target, ...] = ()
    peers: tuple[MutualTls | DeclaredRule, ...] = ()
    """Alternatives, in order: mutual TLS in some mode, or a token."""
    origins: tuple[DeclaredRule, ...] = ()
    """Alternatives, in order."""
    peer_is_optional: bool = False
    origin_is_optional: bool = False
    uses_origin: bool = False
    """Whether the principal of the request is that of its token; without any origin there is none then."""

    @property
    def age(self) -> tuple[str, str, str]:
        return (self.created, self.name, self.namespace)

    @property
    def tokens(self) -> Iterator[DeclaredRule]:
        """The rules for tokens, of peers and of origins; no issuer occurs twice."""
        yield from (peer for peer in self.peers if isinstance(peer, DeclaredRule))
        yield from self.origins


def parse(obj: Object) -> Policy:
    """The policy that an (admitted) object declares."""
    metadata, spec = obj["metadata"], spelling.canonical(obj.get("spec") or {})
    return Policy(
        namespace=metadata.get("namespace", ""),
        name=metadata["name"],
        created=metadata["creationTimestamp"],
        targets=tuple(map(_target, spec.get("targets") or ())),
        peers=tuple(_peer(method) for method in spec.get("peers") or () if method),
        origins=tuple(_token(method["jwt"]) for method in spec.get("origins") or ()),
        peer_is_optional=bool(spec.get("peerIsOptional")),
        origin_is_optional=bool(spec.get("originIsOptional")),
        uses_origin=spec.get("principalBinding") == "USE_ORIGIN",
    )


def _target(target: Object) -> Target:
    selectors = (PortSelector(port.get("number"), port.get("name")) for port in target.get("ports") or ())
    return Target(target["name"], tuple(selectors))


def _peer(method: Object) -> MutualTls | DeclaredRule:
    if "jwt" in method:
        return _token(method["jwt"])
    mtls = method["mtls"] or {}
    if mtls.get("mode") == "PERMISSIVE":
        return MutualTls.PERMISSIVE
    return MutualTls.ANY_TLS if mtls.get("allowTls") else MutualTls.STRICT


def _token(jwt: Object) -> DeclaredRule:
    uri = jwt.get("jwksUri") or ""
    rule = JwtRule(
        issuer=jwt["issuer"],
        jwks=None,
        audiences=tuple(jwt.get("audiences") or ()),
        from_headers=tuple(map(TokenHeader, jwt.get("jwtHeaders") or ())),
        from_params=tuple(jwt.get("jwtParams") or ()),
        forward_original_token=True,
    )
    return DeclaredRule(rule, KeySource(uri, "" if uri else rule.issuer))


def holding(
    policies: Iterable[Policy], mesh_policies: Iterable[Policy], service: Service, port: ServicePort
) -> Policy | None:
    """The policy that applies to a port of a service; None: no authentication.

    Of several that are equally specific the oldest holds, which Istio leaves to chance.
    """
    of_namespace = sorted(
        (policy for policy in policies if policy.namespace == service.namespace), key=lambda each: each.age
    )
    levels: Iterable[Iterable[Policy]] = (
        (policy for policy in of_namespace if any(each.selects(service, port) for each in policy.targets)),
        (policy for policy in of_namespace if not policy.targets),
        (policy for policy in mesh_policies if policy.name == DEFAULT),
    )
    return next((policy for level in levels for policy in level), None)
