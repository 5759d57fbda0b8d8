"""The policies of the current API that are in force, with the world they apply to."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from lab.kube.store import Store
from lab.mesh.current import destination_rule, peer_authentication
from lab.mesh.current.destination_rule import DestinationRule, DestinationRules
from lab.mesh.current.peer_authentication import PeerAuthentication, PeerAuthentications, WorkloadModes
from lab.mesh.world import Workload, World

KEYS = (peer_authentication.KEY, destination_rule.KEY)
"""What `read` depends on, besides the world."""


@dataclass(frozen=True)
class Policies:
    """What users have declared; every snapshot follows from it."""

    world: World
    peer_authentications: tuple[PeerAuthentication, ...] = ()
    destination_rules: tuple[DestinationRule, ...] = ()

    @cached_property
    def peer(self) -> PeerAuthentications:
        return PeerAuthentications(self.peer_authentications, self.world.root_namespace)

    @cached_property
    def destinations(self) -> DestinationRules:
        return DestinationRules(self.destination_rules, self.world.root_namespace)

    @cached_property
    def _modes(self) -> dict[str, WorkloadModes]:
        return {
            workload.uid: self.peer.workload_modes(workload.namespace, workload.labels)
            for workload in self.world.workloads
        }

    def modes(self, workload: Workload) -> WorkloadModes:
        return self._modes[workload.uid]


def read(store: Store, world: World) -> Policies:
    """The policies as the store holds them now."""
    return Policies(
        world,
        tuple(map(peer_authentication.parse, store.list(peer_authentication.KEY))),
        tuple(map(destination_rule.parse, store.list(destination_rule.KEY))),
    )
