"""DestinationRule lookup: the rule that applies to a client and a host.

The first namespace with any rule for the host decides, in the order client's, service's, root; within it the
exact host goes before the most specific wildcard. That is settled before it is asked whether a rule there is
meant for this client: if none is, nothing is told, or the next namespace is asked where rules are exported.

Rules for one host are merged as far as they are exported to the same namespaces.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from lab.mesh.config.networking.destination_rule import DestinationRule, merge
from lab.mesh.model.hosts import most_specific


class _Found:
    """Rules that are looked for together, by their hosts."""

    def __init__(self) -> None:
        self._of_host: dict[str, list[DestinationRule]] = {}

    def add(self, rule: DestinationRule) -> None:
        """Merged with those before it where that can be; the outcome of the last of them counts."""
        same = self._of_host.setdefault(rule.host, [])
        apart = True
        for place, before in enumerate(same):
            apart = rule.exports != before.exports
            if apart and not (before.exports and rule.exports >= before.exports):
                continue
            if rule.workload_selector == before.workload_selector:
                apart = False
            elif rule.workload_selector is not None and before.workload_selector is not None:
                apart = True
                continue
            same[place] = merge([before, rule])
        if apart:
            same.append(rule)

    def find(self, host: str) -> Sequence[DestinationRule]:
        """Those of the host that fits best."""
        chosen = most_specific(self._of_host, host)
        return self._of_host[chosen] if chosen is not None else ()


class DestinationRules:
    """The rules in force, indexed for lookup."""

    def __init__(self, rules: Iterable[DestinationRule], root_namespace: str) -> None:
        self._root = root_namespace
        self._own: dict[str, _Found] = {}
        self._exported: dict[str, _Found] = {}
        # Those for workloads come first, so that they are what others are merged into.
        for rule in sorted(rules, key=lambda each: (each.workload_selector is None, *each.age)):
            if self._is_own(rule):
                self._own.setdefault(rule.namespace, _Found()).add(rule)
            if not rule.private:
                self._exported.setdefault(rule.namespace, _Found()).add(rule)

    def _is_own(self, rule: DestinationRule) -> bool:
        """Whether clients of the rule's namespace look at it before all others.

        In the root namespace only private rules are its clients' own; the others wait for their turn.
        """
        if rule.namespace == self._root:
            return rule.private
        return not rule.exports or bool(rule.exports & {"*", ".", rule.namespace})

    def find(
        self, host: str, service_namespace: str, client_namespace: str, client_labels: Mapping[str, str]
    ) -> DestinationRule | None:
        """The rule (possibly merged) that applies to a client and a host; None: there is none."""
        if own := _in(self._own, client_namespace, host):
            return _meant_for(client_namespace, client_labels, own)
        for namespace in (service_namespace, self._root):
            exported = [
                rule for rule in _in(self._exported, namespace, host) if rule.exported_to(client_namespace)
            ]
            if exported:
                return _meant_for(client_namespace, client_labels, exported)
        return None


def _in(found: Mapping[str, _Found], namespace: str, host: str) -> Sequence[DestinationRule]:
    return found[namespace].find(host) if namespace in found else ()


def _meant_for(
    namespace: str, labels: Mapping[str, str], rules: Sequence[DestinationRule]
) -> DestinationRule | None:
    """The first for this very workload, else the last for everybody."""
    for_everybody = None
    for rule in rules:
        if rule.workload_selector is None:
            for_everybody = rule
        elif rule.namespace == namespace and rule.workload_selector.items() <= labels.items():
            return rule
    return for_everybody
