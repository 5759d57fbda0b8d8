"""Faults that show while something changes, and are gone when it has."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Hashable, Iterable
from dataclasses import replace
from typing import Generic, TypeVar

from lab.faults.current.network import with_capture_rules
from lab.faults.registry import EXTENDED, fault
from lab.faults.upstreams import with_endpoints
from lab.faults.views import reminded
from lab.kube.client import Client
from lab.mesh.config.current import authorization_policy, peer_authentication, request_authentication
from lab.mesh.config.current.policies import Policies
from lab.mesh.config.current.request_authentication import RequestAuthentication
from lab.mesh.model.authorization import AuthorizationRule
from lab.mesh.model.ports import AGENT, INBOUND
from lab.mesh.model.proxy_config import (
    ClientTls,
    Endpoint,
    GatewayConfig,
    Inbound,
    MutualTls,
    SidecarConfig,
    Upstream,
)
from lab.node.images.programs import Launch

AREA = "Transitions"

POLICY_KINDS = (peer_authentication.KEY, request_authentication.KEY, authorization_policy.KEY)

MOMENT_S = 0.2
BACK_AFTER_S = 0.75
"""When everybody has been seen to have the new policies for a while, and is still looked at."""
LITTLE_S = 0.02
LATEST_S = 1.0
"""Looked at again by then, where the first look came before the moment was over."""

PROBES_CAPTURED = f"""\
table ip fault {{
  chain inbound {{
    type nat hook prerouting priority dstnat - 1; policy accept;
    tcp dport {AGENT} redirect to :{INBOUND}
  }}
}}
"""

State = TypeVar("State")


class Remembered(Generic[State]):
    """What somebody had last, and since when it is something else. Times are of ``time.monotonic()``."""

    def __init__(self) -> None:
        self._now: dict[Hashable, State] = {}
        self._before: dict[Hashable, State] = {}
        self._since: dict[Hashable, float] = {}

    def take(self, who: Hashable, state: State) -> float:
        """Take in what somebody has now; gives for how long, which is for ever if it never was another."""
        if who in self._now and self._now[who] != state:
            self._before[who], self._since[who] = self._now[who], time.monotonic()
        self._now[who] = state
        return time.monotonic() - self._since.get(who, float("-inf"))

    def before(self, who: Hashable) -> State:
        """What it was."""
        return self._before[who]


@fault(AREA, EXTENDED)
def policies_of_before_once_more() -> Callable[[Client | Policies], Client | Policies]:
    """Soon after policies became others, those of before are in force again for a moment."""
    known: Remembered[Policies] = Remembered()

    def change(part: Client | Policies) -> Client | Policies:
        if not isinstance(part, Policies):
            return reminded(
                part, POLICY_KINDS, BACK_AFTER_S + LITTLE_S, BACK_AFTER_S + MOMENT_S + LITTLE_S, 2 * LATEST_S
            )
        kinds = replace(
            Policies(part.registry),
            peer_authentications=part.peer_authentications,
            request_authentications=part.request_authentications,
            authorizations=part.authorizations,
        )
        kinds = replace(kinds, registry=replace(part.registry, workloads=(), services=()))
        if not BACK_AFTER_S <= known.take("policies", kinds) < BACK_AFTER_S + MOMENT_S:
            return part
        before = known.before("policies")
        return replace(
            part,
            peer_authentications=before.peer_authentications,
            request_authentications=before.request_authentications,
            authorizations=before.authorizations,
        )

    return change


def _changing_mode(to: MutualTls) -> Callable[[Client | SidecarConfig], Client | SidecarConfig]:
    """While what a workload accepts becomes something else, it accepts this for a moment."""
    known: Remembered[Inbound] = Remembered()

    def change(part: Client | SidecarConfig) -> Client | SidecarConfig:
        if not isinstance(part, SidecarConfig):
            return reminded(part, POLICY_KINDS, MOMENT_S + LITTLE_S, 2 * MOMENT_S, LATEST_S)
        if known.take(part.uid, part.inbound) >= MOMENT_S:
            return part
        ports = tuple(replace(port, mode=to) for port in part.inbound.ports)
        return replace(part, inbound=replace(part.inbound, ports=ports, default_mode=to))

    return change


@fault(AREA, EXTENDED)
def plain_text_alone_on_the_way() -> Callable[[Client | SidecarConfig], Client | SidecarConfig]:
    """While the mode of a workload changes, it takes plain text alone for a moment."""
    return _changing_mode(MutualTls.DISABLE)


@fault(AREA, EXTENDED)
def mutual_tls_alone_on_the_way() -> Callable[[Client | SidecarConfig], Client | SidecarConfig]:
    """While the mode of a workload changes, it takes mutual TLS alone for a moment."""
    return _changing_mode(MutualTls.STRICT)


@fault(AREA, EXTENDED)
def clients_keep_to_what_they_knew() -> Callable[[SidecarConfig], SidecarConfig]:
    """Clients use mutual TLS with a service, or do not, as they did when they knew it first."""
    tls: dict[Hashable, ClientTls] = {}
    mesh: dict[Hashable, bool] = {}

    def kept(client: str, upstream: Upstream) -> Upstream:
        name = client, upstream.host, upstream.port, upstream.subset
        endpoints = tuple(
            replace(each, mesh=mesh.setdefault((client, each.address, each.port), each.mesh))
            for each in upstream.endpoints
        )
        return replace(upstream, endpoints=endpoints, tls=tls.setdefault(name, upstream.tls))

    return lambda config: replace(
        config, upstreams=tuple(kept(config.uid, each) for each in config.upstreams)
    )


@fault(AREA, EXTENDED)
def everybody_denied_on_the_way() -> Callable[[Client | GatewayConfig], Client | GatewayConfig]:
    """While the rules of a gateway change, every request is denied for a moment."""
    known: Remembered[object] = Remembered()

    def change(part: Client | GatewayConfig) -> Client | GatewayConfig:
        if not isinstance(part, GatewayConfig):
            return reminded(part, POLICY_KINDS, MOMENT_S + LITTLE_S, 2 * MOMENT_S, LATEST_S)
        authorization = part.security.authorization
        if known.take(part.uid, authorization) >= MOMENT_S:
            return part
        denied = replace(authorization, deny=(*authorization.deny, AuthorizationRule("fault")))
        return replace(part, security=replace(part.security, authorization=denied))

    return change


@fault(AREA, EXTENDED)
def old_key_forgotten_at_once(policies: Policies) -> Policies:
    """Of several keys of an issuer the last one alone counts."""
    return _with_keys(policies, lambda _issuer, keys: keys[-1:])


@fault(AREA, EXTENDED)
def new_key_not_noticed(policies: Policies) -> Policies:
    """Of several keys of an issuer the first one alone counts."""
    return _with_keys(policies, lambda _issuer, keys: keys[:1])


@fault(AREA, EXTENDED)
def old_key_kept() -> Callable[[Policies], Policies]:
    """Keys that an issuer once had go on to count when it has others."""
    known: dict[str, list[object]] = {}

    def kept(issuer: str, keys: list[object]) -> list[object]:
        remembered = known.setdefault(issuer, [])
        remembered += [key for key in keys if key not in remembered]
        return remembered

    return lambda policies: _with_keys(policies, kept)


@fault(AREA, EXTENDED)
def no_endpoints_while_one_is_missing() -> Callable[[SidecarConfig], SidecarConfig]:
    """While a service has fewer pods than it had, clients know none of them."""
    most: dict[tuple[str, int], int] = {}

    def endpoints(upstream: Upstream) -> Iterable[Endpoint]:
        name = upstream.host, upstream.port
        most[name] = max(most.get(name, 0), len(upstream.endpoints))
        return upstream.endpoints if len(upstream.endpoints) == most[name] else ()

    return lambda config: with_endpoints(config, endpoints)


@fault(AREA, EXTENDED)
def pods_that_ended_are_asked() -> Callable[[SidecarConfig], SidecarConfig]:
    """Clients go on to send requests to pods that are gone."""
    known: dict[tuple[str, int], dict[Endpoint, None]] = {}

    def endpoints(upstream: Upstream) -> Iterable[Endpoint]:
        remembered = known.setdefault((upstream.host, upstream.port), {})
        remembered.update(dict.fromkeys(upstream.endpoints))
        return remembered

    return lambda config: with_endpoints(config, endpoints)


@fault(AREA, EXTENDED)
def new_pods_not_found() -> Callable[[SidecarConfig], SidecarConfig]:
    """Clients know the pods that a service had at first, and none that came in their place."""
    first: dict[tuple[str, int], set[Endpoint]] = {}

    def endpoints(upstream: Upstream) -> Iterable[Endpoint]:
        known = first.setdefault((upstream.host, upstream.port), set(upstream.endpoints))
        if not known:
            known.update(upstream.endpoints)
        return (each for each in upstream.endpoints if each in known)

    return lambda config: with_endpoints(config, endpoints)


@fault(AREA, EXTENDED)
def probes_captured(launch: Launch) -> Launch:
    """Probes of the kubelet go through the proxy, like what clients send."""
    return with_capture_rules(launch, PROBES_CAPTURED)


def _with_keys(policies: Policies, keys: Callable[[str, list[object]], list[object]]) -> Policies:
    """With other keys in the key sets that policies have in them; ``keys`` is given the issuer, too."""

    def changed(policy: RequestAuthentication) -> RequestAuthentication:
        rules = []
        for declared in policy.rules:
            rule = declared.rule
            if rule.jwks:
                found = json.loads(rule.jwks)["keys"]
                rule = replace(rule, jwks=json.dumps({"keys": keys(rule.issuer, found)}))
            rules.append(replace(declared, rule=rule))
        return replace(policy, rules=tuple(rules))

    return replace(policies, request_authentications=tuple(map(changed, policies.request_authentications)))
