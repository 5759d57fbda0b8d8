"""Request security of a workload or gateway: the RequestAuthentications and AuthorizationPolicies that apply.

Neither kind knows precedence: of all that select a target, each adds to what the others say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from lab.kube.client import CLUSTER_DOMAIN
from lab.mesh.config.current.attachment import Target
from lab.mesh.config.current.authorization_policy import Action, AuthorizationPolicy, Rule
from lab.mesh.config.current.policies import Policies
from lab.mesh.config.gateway_api.gateways import NAME_LABEL
from lab.mesh.model.authorization import Attribute, Authorization, AuthorizationRule, Condition, Conjunction
from lab.mesh.model.proxy_config import RequestSecurity
from lab.mesh.model.tokens import JwtRule
from lab.mesh.workloads.service_registry import Workload


def security(policies: Policies, workload: Workload) -> RequestSecurity:
    """What a workload or gateway requires of requests."""
    gateway = workload.labels.get(NAME_LABEL) if workload.gateway else None
    return request_security(policies, Target(workload.namespace, workload.labels, gateway))


def request_security(policies: Policies, target: Target) -> RequestSecurity:
    """What the policies that apply to the target require of its requests."""
    return RequestSecurity(
        jwt_rules=tuple(_jwt_rules(policies, target)),
        authorization=_authorization(policies, target),
    )


def _jwt_rules(policies: Policies, target: Target) -> list[JwtRule]:
    """The rules of all policies, by issuer: the order in which they are tried.

    Of one issuer the first says what becomes of a token; the target's namespace goes before the root.
    """
    root = policies.registry.root_namespace
    rules = [
        declared.with_keys(policies.key_sets)
        for policy in sorted(
            policies.request_authentications, key=lambda each: (each.namespace != target.namespace, *each.age)
        )
        if policy.attachment.includes(target, policy.namespace, root)
        for declared in policy.rules
    ]
    return sorted(rules, key=lambda rule: rule.issuer)


def _authorization(policies: Policies, target: Target) -> Authorization:
    root, trust_domain = policies.registry.root_namespace, policies.registry.trust_domain
    chosen = [
        policy
        for policy in sorted(policies.authorizations, key=lambda each: each.age)
        if not policy.dry_run and policy.attachment.includes(target, policy.namespace, root)
    ]

    def rules(action: Action) -> tuple[AuthorizationRule, ...]:
        return tuple(_rules((each for each in chosen if each.action is action), trust_domain))

    return Authorization(
        custom=rules(Action.CUSTOM),
        deny=rules(Action.DENY),
        # A policy without rules matches nothing, but what nothing matches is refused because of it.
        allow=rules(Action.ALLOW) if any(each.action is Action.ALLOW for each in chosen) else None,
        audit=rules(Action.AUDIT),
    )


def _rules(policies: Iterable[AuthorizationPolicy], trust_domain: str) -> Iterator[AuthorizationRule]:
    for policy in policies:
        for number, rule in enumerate(policy.rules):
            name = f"ns[{policy.namespace}]-policy[{policy.name}]-rule[{number}]"
            yield _concluded(name, rule, policy.namespace, trust_domain)


def _concluded(name: str, rule: Rule, namespace: str, trust_domain: str) -> AuthorizationRule:
    def concluded(conditions: Conjunction) -> Conjunction:
        return tuple(_in_full(condition, namespace, trust_domain) for condition in conditions)

    return AuthorizationRule(
        name=name,
        sources=tuple(map(concluded, rule.sources)),
        operations=tuple(map(concluded, rule.operations)),
        conditions=concluded(rule.conditions),
    )


def _in_full(condition: Condition, namespace: str, trust_domain: str) -> Condition:
    """The condition with what a policy may leave to be understood."""
    match condition.attribute:
        case Attribute.PRINCIPAL:
            values = tuple(_local(value, trust_domain) for value in condition.values)
        case Attribute.SERVICE_ACCOUNT:
            values = tuple(value if "/" in value else f"{namespace}/{value}" for value in condition.values)
        case _:
            return condition
    return replace(condition, values=values)


def _local(principal: str, trust_domain: str) -> str:
    """In a whole principal, `cluster.local` stands for the mesh's own trust domain, whatever its name."""
    domain, _, rest = principal.partition("/")
    return f"{trust_domain}/{rest}" if domain == CLUSTER_DOMAIN and rest.count("/") == 3 else principal
