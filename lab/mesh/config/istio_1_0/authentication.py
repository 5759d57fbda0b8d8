"""What a policy requires of the connections and requests to a port."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lab.mesh.config.istio_1_0.authentication_policy import Policy
from lab.mesh.config.key_source import DeclaredRule, KeySource
from lab.mesh.model.proxy_config import MutualTls
from lab.mesh.model.tokens import TokenCheck, TokenDemand

PEER_REFUSED = "Peer authentication failed."
ORIGIN_REFUSED = "Origin authentication failed."

ALGORITHMS = ("RS256", "ES256")


def mode(policy: Policy | None) -> MutualTls:
    """What the port accepts: the first entry for mutual TLS decides, regardless of the others."""
    modes = (peer for peer in (policy.peers if policy else ()) if isinstance(peer, MutualTls))
    return next(modes, MutualTls.DISABLE)


def token_check(
    policy: Policy | None, keys: Mapping[KeySource, str], *, at_gateway: bool = False
) -> TokenCheck | None:
    """What requests must prove; None: nothing. At a gateway the policy's mutual TLS is as if not there."""
    if policy is None:
        return None
    peers = [peer for peer in policy.peers if not (at_gateway and isinstance(peer, MutualTls))]
    if not peers and not policy.origins:
        return None
    demands = (*_of_peers(policy, peers), *_of_origins(policy))
    if not demands:
        return None
    rules = tuple(declared.with_keys(keys) for declared in policy.tokens)
    return TokenCheck(rules, demands, ALGORITHMS)


def _of_peers(policy: Policy, peers: list[MutualTls | DeclaredRule]) -> Iterator[TokenDemand]:
    """Where mutual TLS is among the alternatives, a connection that got here has satisfied it."""
    tokens = [peer for peer in peers if isinstance(peer, DeclaredRule)]
    if peers and len(tokens) == len(peers) and not policy.peer_is_optional:
        yield TokenDemand(tuple(each.rule.issuer for each in tokens), PEER_REFUSED)


def _of_origins(policy: Policy) -> Iterator[TokenDemand]:
    if (policy.origins or policy.uses_origin) and not policy.origin_is_optional:
        yield TokenDemand(tuple(each.rule.issuer for each in policy.origins), ORIGIN_REFUSED)
