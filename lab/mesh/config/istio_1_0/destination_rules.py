"""DestinationRule lookup: for every client, the rule with the most specific host in all namespaces.

Only that one counts. If it says nothing of TLS, a less specific one that does is not asked: the client
speaks plain text. Document "Authentication Policy (Istio 1.0)", section "Globally enabling Istio mutual TLS".
"""

from __future__ import annotations

from collections.abc import Iterable

from lab.mesh.config.networking.destination_rule import DestinationRule, Subset, TlsSettings, merge
from lab.mesh.model.hosts import most_specific


class DestinationRules:
    """The rules in force, indexed for lookup."""

    def __init__(self, rules: Iterable[DestinationRule]) -> None:
        of_host: dict[str, list[DestinationRule]] = {}
        for rule in sorted(rules, key=lambda each: each.age):
            of_host.setdefault(rule.host, []).append(rule)
        self._of_host = {host: merge(same) for host, same in of_host.items()}

    def find(self, host: str) -> DestinationRule | None:
        """The rule (possibly merged) for a host; None: there is none."""
        chosen = most_specific(self._of_host, host)
        return self._of_host[chosen] if chosen is not None else None


def tls_for(rule: DestinationRule | None, subset: Subset | None, port: int) -> TlsSettings | None:
    """What a rule says of a port, if there is one; of a subset it is what that says, or else its rule."""
    if rule is None:
        return None
    own = subset.policy.tls_for(port) if subset is not None and subset.policy is not None else None
    return own if own is not None else rule.tls_for(port)
