"""Which DestinationRule a client obeys.

The first namespace with any rule for the host decides, in the order client's, service's, root; within it the
exact host goes before the most specific wildcard, whatever their workload selectors say. Only rules of one
namespace are merged.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from lab.mesh.hosts import most_specific
from lab.mesh.networking.destination_rule import DestinationRule, merge


class DestinationRules:
    """The rules in force, ready to be asked."""

    def __init__(self, rules: Iterable[DestinationRule], root_namespace: str) -> None:
        self._root = root_namespace
        self._of_namespace: dict[str, list[DestinationRule]] = {}
        for rule in sorted(rules, key=lambda each: each.age):
            self._of_namespace.setdefault(rule.namespace, []).append(rule)

    def find(
        self, host: str, service_namespace: str, client_namespace: str, client_labels: Mapping[str, str]
    ) -> DestinationRule | None:
        """The one rule (perhaps merged) that a client has to obey for a host; None: there is none."""
        for candidates in self._candidates(service_namespace, client_namespace):
            chosen = most_specific({rule.host for rule in candidates}, host)
            if chosen is not None:
                rules = [rule for rule in candidates if rule.host == chosen]
                return _for_client(rules, client_namespace, client_labels)
        return None

    def _candidates(
        self, service_namespace: str, client_namespace: str
    ) -> Iterator[Sequence[DestinationRule]]:
        own = self._of_namespace.get(client_namespace, ())
        # In the root namespace only private rules are a client's own; the others wait for their turn.
        yield [rule for rule in own if client_namespace != self._root or rule.private]
        for namespace in (service_namespace, self._root):
            yield [
                rule for rule in self._of_namespace.get(namespace, ()) if rule.exported_to(client_namespace)
            ]


def _for_client(
    rules: Sequence[DestinationRule], namespace: str, labels: Mapping[str, str]
) -> DestinationRule | None:
    """Of the rules for one host, those that single this client out, else those for everybody."""
    singling_out = [
        rule
        for rule in rules
        if rule.workload_selector and rule.namespace == namespace and _selects(rule, labels)
    ]
    if singling_out:
        first = singling_out[0].workload_selector
        return merge([rule for rule in singling_out if rule.workload_selector == first])
    for_everybody = [rule for rule in rules if not rule.workload_selector]
    return merge(for_everybody) if for_everybody else None


def _selects(rule: DestinationRule, labels: Mapping[str, str]) -> bool:
    return rule.workload_selector.items() <= labels.items()
