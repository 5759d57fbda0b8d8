"""The policies of the current API that are in force, with the services and workloads they apply to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from lab.kube.store import Store
from lab.mesh.config.current import authorization_policy, peer_authentication, request_authentication
from lab.mesh.config.current.authorization_policy import AuthorizationPolicy
from lab.mesh.config.current.destination_rules import DestinationRules
from lab.mesh.config.current.peer_authentication import PeerAuthentication, PeerAuthentications, WorkloadModes
from lab.mesh.config.current.request_authentication import RequestAuthentication
from lab.mesh.config.gateway_api import declared as gateway_api
from lab.mesh.config.gateway_api.declared import GatewayApi
from lab.mesh.config.key_source import NO_KEYS, Asker, KeySource
from lab.mesh.config.networking import destination_rule, gateway, virtual_service
from lab.mesh.config.networking.destination_rule import DestinationRule
from lab.mesh.config.networking.gateway import Gateway
from lab.mesh.config.networking.virtual_service import VirtualService
from lab.mesh.workloads.revisions import in_force
from lab.mesh.workloads.service_registry import ServiceRegistry, Workload

KEYS = (
    peer_authentication.KEY,
    destination_rule.KEY,
    request_authentication.KEY,
    authorization_policy.KEY,
    gateway.KEY,
    virtual_service.KEY,
    *gateway_api.KEYS,
)
"""What `read` depends on, besides the service registry."""


@dataclass(frozen=True)
class Policies:
    """What users have declared; the configuration of every proxy follows from it."""

    registry: ServiceRegistry
    peer_authentications: tuple[PeerAuthentication, ...] = ()
    destination_rules: tuple[DestinationRule, ...] = ()
    request_authentications: tuple[RequestAuthentication, ...] = ()
    authorizations: tuple[AuthorizationPolicy, ...] = ()
    key_sets: Mapping[KeySource, str] = field(default_factory=lambda: NO_KEYS)
    """What has been fetched so far of `key_sources`, as JSON Web Key Sets."""
    gateways: tuple[Gateway, ...] = ()
    virtual_services: tuple[VirtualService, ...] = ()
    gateway_api: GatewayApi = field(default_factory=GatewayApi)

    @property
    def key_sources(self) -> frozenset[KeySource]:
        """What the policies need to have fetched."""
        return frozenset(source for source, _ in self.key_askers)

    @property
    def key_askers(self) -> Iterator[tuple[KeySource, Asker]]:
        """Each source of keys with a policy that needs them."""
        for policy in self.request_authentications:
            asker = Asker(request_authentication.KEY, policy.namespace, policy.name)
            yield from ((rule.source, asker) for rule in policy.rules if rule.source is not None)

    @cached_property
    def peer(self) -> PeerAuthentications:
        return PeerAuthentications(self.peer_authentications, self.registry.root_namespace)

    @cached_property
    def destinations(self) -> DestinationRules:
        return DestinationRules(self.destination_rules, self.registry.root_namespace)

    @cached_property
    def _modes(self) -> dict[str, WorkloadModes]:
        return {
            workload.uid: self.peer.workload_modes(workload.namespace, workload.labels)
            for workload in self.registry.workloads
        }

    def modes(self, workload: Workload) -> WorkloadModes:
        return self._modes[workload.uid]


def read(store: Store, registry: ServiceRegistry, key_sets: Mapping[KeySource, str] = NO_KEYS) -> Policies:
    """The policies as the store holds them now, with the keys that have been fetched for them."""
    return Policies(
        registry,
        tuple(map(peer_authentication.parse, in_force(store, peer_authentication.KEY))),
        tuple(map(destination_rule.parse, in_force(store, destination_rule.KEY))),
        tuple(map(request_authentication.parse, in_force(store, request_authentication.KEY))),
        tuple(map(authorization_policy.parse, in_force(store, authorization_policy.KEY))),
        key_sets,
        tuple(map(gateway.parse, in_force(store, gateway.KEY))),
        tuple(map(virtual_service.parse, in_force(store, virtual_service.KEY))),
        gateway_api.read(store),
    )
