"""Faults that show over time: policies that come late, do not go away, or never reach pods that run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Protocol, TypeVar

from lab.faults.registry import fault
from lab.faults.views import delayed
from lab.kube.client import Client
from lab.mesh.config.current import authorization_policy, peer_authentication, request_authentication
from lab.mesh.config.current.peer_authentication import PeerAuthentication
from lab.mesh.config.current.policies import Policies
from lab.mesh.model.proxy_config import Inbound, SidecarConfig

POLICY_KINDS = (peer_authentication.KEY, request_authentication.KEY, authorization_policy.KEY)

TOO_LATE_S = 31.0
IN_TIME_S = 0.4

Change = Callable[[Policies], Policies]
Place = tuple[str, str]


class Named(Protocol):
    """A policy of any kind."""

    @property
    def namespace(self) -> str: ...

    @property
    def name(self) -> str: ...


Policy = TypeVar("Policy", bound=Named)


@fault("Globally enabling Istio mutual TLS in STRICT mode")
def converges_too_late(cluster: Client) -> Client:
    """Policies take effect 31 seconds after they were applied."""
    return delayed(cluster, POLICY_KINDS, TOO_LATE_S)


@fault("Globally enabling Istio mutual TLS in STRICT mode")
def converges_slowly(cluster: Client) -> Client:
    """Policies take effect 0.4 seconds after they were applied."""
    return delayed(cluster, POLICY_KINDS, IN_TIME_S)


@fault("Globally enabling Istio mutual TLS in STRICT mode")
def new_pods_only() -> Callable[[SidecarConfig], SidecarConfig]:
    """A policy has an effect on pods that start after it, and none on those that run already."""
    at_start: dict[str, Inbound] = {}
    return lambda config: replace(config, inbound=at_start.setdefault(config.uid, config.inbound))


@fault("Cleanup part 1")
def deletion_not_honoured() -> Change:
    """A PeerAuthentication that is deleted stays in force."""
    remembered: dict[Place, PeerAuthentication] = {}
    return lambda policies: replace(
        policies, peer_authentications=_and_gone(policies.peer_authentications, remembered)
    )


@fault("Enable mutual TLS per workload")
def update_not_honoured() -> Change:
    """Of a PeerAuthentication only what it said when it was created holds, until it is deleted."""
    first: dict[Place, PeerAuthentication] = {}

    def change(policies: Policies) -> Policies:
        declared = policies.peer_authentications
        for place in first.keys() - {_place(policy) for policy in declared}:
            del first[place]
        return replace(
            policies,
            peer_authentications=tuple(first.setdefault(_place(policy), policy) for policy in declared),
        )

    return change


@fault("Cleanup part 3")
def authentication_outlives_its_deletion() -> Change:
    """A RequestAuthentication that is deleted stays in force."""
    remembered: dict[Place, request_authentication.RequestAuthentication] = {}
    return lambda policies: replace(
        policies, request_authentications=_and_gone(policies.request_authentications, remembered)
    )


@fault("Cleanup part 3")
def authorization_outlives_its_deletion() -> Change:
    """An AuthorizationPolicy that is deleted stays in force."""
    remembered: dict[Place, authorization_policy.AuthorizationPolicy] = {}
    return lambda policies: replace(policies, authorizations=_and_gone(policies.authorizations, remembered))


def _and_gone(declared: Iterable[Policy], remembered: dict[Place, Policy]) -> tuple[Policy, ...]:
    """What is declared, and what once was."""
    remembered |= {_place(policy): policy for policy in declared}
    return tuple(remembered.values())


def _place(policy: Named) -> Place:
    return policy.namespace, policy.name
