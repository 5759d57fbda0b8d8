"""The policies of Istio 1.0 that are in force, with the services and workloads they apply to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from lab.kube.client import Store
from lab.mesh.config.istio_1_0 import authentication_policy
from lab.mesh.config.istio_1_0.authentication_policy import Policy, holding
from lab.mesh.config.istio_1_0.destination_rules import DestinationRules
from lab.mesh.config.key_source import NO_KEYS, Asker, KeySource
from lab.mesh.config.networking import declared as networking
from lab.mesh.config.networking.declared import Networking
from lab.mesh.workloads.service_registry import Service, ServicePort, ServiceRegistry

OWN = (authentication_policy.KEY, authentication_policy.MESH_KEY)
"""The kinds of this API only."""

KEYS = (*OWN, *networking.KEYS)
"""What `read` depends on, besides the service registry."""


@dataclass(frozen=True)
class Policies:
    """All policies; the configuration of every proxy follows from them."""

    registry: ServiceRegistry
    policies: tuple[Policy, ...] = ()
    mesh_policies: tuple[Policy, ...] = ()
    networking: Networking = field(default_factory=Networking)
    key_sets: Mapping[KeySource, str] = field(default_factory=lambda: NO_KEYS)
    """The JSON Web Key Sets that have been fetched so far for `key_askers`."""

    @property
    def key_askers(self) -> Iterator[tuple[KeySource, Asker]]:
        """Each source of keys with a policy that needs them."""
        for policy in (*self.policies, *self.mesh_policies):
            key = authentication_policy.KEY if policy.namespace else authentication_policy.MESH_KEY
            asker = Asker(key, policy.namespace, policy.name)
            yield from ((rule.source, asker) for rule in policy.tokens if rule.source is not None)

    @cached_property
    def destinations(self) -> DestinationRules:
        return DestinationRules(self.networking.destination_rules)

    def policy_for(self, service: Service, port: ServicePort) -> Policy | None:
        """The policy that applies to a port of a service."""
        return holding(self.policies, self.mesh_policies, service, port)


def read(store: Store, registry: ServiceRegistry, key_sets: Mapping[KeySource, str] = NO_KEYS) -> Policies:
    """The policies as the store holds them now, with the keys that have been fetched for them."""
    return Policies(
        registry,
        policies=tuple(map(authentication_policy.parse, store.list(authentication_policy.KEY))),
        mesh_policies=tuple(map(authentication_policy.parse, store.list(authentication_policy.MESH_KEY))),
        key_sets=key_sets,
        networking=networking.read(store.list),
    )
