"""Authorization rules as Envoy's RBAC filters, for HTTP and for TCP.

A rule is a policy of Envoy's, with its operations as permissions and its sources as principals. Conditions go
to one or the other, by what they ask about, and hold for each of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from lab.mesh.envoy import matchers
from lab.mesh.envoy.matchers import HTTP_ONLY, PERMISSIONS, Side
from lab.mesh.envoy.proto import Message, extension
from lab.mesh.model.authorization import AuthorizationRule, Condition, Conjunction

Rules = tuple[AuthorizationRule, ...] | None
Action = Literal["ALLOW", "DENY", "LOG"]
ALLOW: Action = "ALLOW"
DENY: Action = "DENY"
LOG: Action = "LOG"

_HTTP = ("envoy.filters.http.rbac", "envoy.extensions.filters.http.rbac.v3.RBAC")
_NETWORK = ("envoy.filters.network.rbac", "envoy.extensions.filters.network.rbac.v3.RBAC")


def http(action: Action, rules: Rules) -> list[Message]:
    """The filter for HTTP, if it is needed; it is, if nothing is allowed."""
    if not _matters(action, rules):
        return []
    policies = {rule.name: _policy(rule) for rule in rules or ()}
    return [extension(*_HTTP, rules={"action": action, "policies": policies})]


def network(action: Action, rules: Rules) -> list[Message]:
    """The filter for opaque connections, where rules can only be obeyed in part.

    An ALLOW rule that says anything about HTTP cannot match and is left out. Of any other rule just those
    parts are left out, so that it matches more.
    """
    if not _matters(action, rules):
        return []
    kept = rules or ()
    if action == ALLOW:
        kept = tuple(rule for rule in kept if not any(each.attribute in HTTP_ONLY for each in _all_of(rule)))
    policies = {rule.name: _policy(_without_http(rule)) for rule in kept}
    return [extension(*_NETWORK, rules={"action": action, "policies": policies}, stat_prefix="tcp.")]


def _matters(action: Action, rules: Rules) -> bool:
    return rules is not None if action == ALLOW else bool(rules)


def _all_of(rule: AuthorizationRule) -> Iterator[Condition]:
    for conjunction in (*rule.sources, *rule.operations, rule.conditions):
        yield from conjunction


def _without_http(rule: AuthorizationRule) -> AuthorizationRule:
    def rest(conjunction: Conjunction) -> Conjunction:
        return tuple(each for each in conjunction if each.attribute not in HTTP_ONLY)

    return AuthorizationRule(
        rule.name,
        sources=tuple(map(rest, rule.sources)),
        operations=tuple(map(rest, rule.operations)),
        conditions=rest(rule.conditions),
    )


def _policy(rule: AuthorizationRule) -> Message:
    about_operation = tuple(each for each in rule.conditions if each.attribute in PERMISSIONS)
    about_source = tuple(each for each in rule.conditions if each.attribute not in PERMISSIONS)
    return {
        "permissions": _alternatives(rule.operations, about_operation, matchers.PERMISSION),
        "principals": _alternatives(rule.sources, about_source, matchers.PRINCIPAL),
    }


def _alternatives(alternatives: Sequence[Conjunction], always: Conjunction, side: Side) -> list[Message]:
    return [
        side.all_of([_condition(condition, side) for condition in (*alternative, *always)])
        for alternative in alternatives or ((),)
    ]


def _condition(condition: Condition, side: Side) -> Message:
    found = side.any_of(matchers.of(condition))
    return side.negation(found) if condition.negated else found
