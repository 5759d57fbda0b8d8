"""The policies of the current API that are in force, with the services and workloads they apply to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial

from lab.kube.client import Store
from lab.mesh.config.current import authorization_policy, peer_authentication, request_authentication
from lab.mesh.config.current.authorization_policy import AuthorizationPolicy
from lab.mesh.config.current.destination_rules import DestinationRules
from lab.mesh.config.current.peer_authentication import PeerAuthentication, PeerAuthentications, WorkloadModes
from lab.mesh.config.current.request_authentication import RequestAuthentication
from lab.mesh.config.gateway_api import declared as gateway_api
from lab.mesh.config.gateway_api.declared import GatewayApi
from lab.mesh.config.key_source import NO_KEYS, Asker, KeySource
from lab.mesh.config.networking import declared as networking
from lab.mesh.config.networking.declared import Networking
from lab.mesh.workloads.revisions import in_force
from lab.mesh.workloads.service_registry import ServiceRegistry, Workload

OWN = (peer_authentication.KEY, request_authentication.KEY, authorization_policy.KEY)
"""The kinds of this API only."""

KEYS = (*OWN, *networking.KEYS, *gateway_api.KEYS)
"""What `read` depends on, besides the service registry."""


@dataclass(frozen=True)
class Policies:
    """All policies; the configuration of every proxy follows from them."""

    registry: ServiceRegistry
    peer_authentications: tuple[PeerAuthentication, ...] = ()
    networking: Networking = field(default_factory=Networking)
    request_authentications: tuple[RequestAuthentication, ...] = ()
    authorizations: tuple[AuthorizationPolicy, ...] = ()
    key_sets: Mapping[KeySource, str] = field(default_factory=lambda: NO_KEYS)
    """The JSON Web Key Sets that have been fetched so far for `key_askers`."""
    gateway_api: GatewayApi = field(default_factory=GatewayApi)

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
        return DestinationRules(self.networking.destination_rules, self.registry.root_namespace)

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
    objects = partial(in_force, store)
    return Policies(
        registry,
        peer_authentications=tuple(map(peer_authentication.parse, objects(peer_authentication.KEY))),
        request_authentications=tuple(map(request_authentication.parse, objects(request_authentication.KEY))),
        authorizations=tuple(map(authorization_policy.parse, objects(authorization_policy.KEY))),
        key_sets=key_sets,
        networking=networking.read(objects),
        gateway_api=gateway_api.read(store),
    )
