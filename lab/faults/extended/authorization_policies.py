"""Faults in for which workloads AuthorizationPolicies are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from lab.faults.registry import EXTENDED, fault
from lab.mesh.config.current.authorization_policy import Action, AuthorizationPolicy
from lab.mesh.config.current.policies import Policies

AREA = "Authorization policies"


@fault(AREA, EXTENDED)
def authorization_of_any_namespace(policies: Policies) -> Policies:
    """A policy is for what it selects in any namespace."""
    root = policies.registry.root_namespace
    return _with(policies, lambda each: [replace(each, namespace=root)])


@fault(AREA, EXTENDED)
def root_authorization_ignored(policies: Policies) -> Policies:
    """Policies of the root namespace are for nothing."""
    root = policies.registry.root_namespace
    return _with(policies, lambda each: [] if each.namespace == root else [each])


@fault(AREA, EXTENDED)
def deny_of_workloads_only(policies: Policies) -> Policies:
    """A policy without a selector denies nothing."""

    def kept(each: AuthorizationPolicy) -> list[AuthorizationPolicy]:
        narrow = each.attachment.selector or each.attachment.references
        return [each] if narrow or each.action is not Action.DENY else []

    return _with(policies, kept)


@fault(AREA, EXTENDED)
def one_label_of_an_authorization_is_enough(policies: Policies) -> Policies:
    """A policy is for workloads that have one of the labels of its selector."""

    def split(each: AuthorizationPolicy) -> list[AuthorizationPolicy]:
        labels = each.attachment.selector.items()
        return [
            replace(each, attachment=replace(each.attachment, selector={name: value}))
            for name, value in labels
        ] or [each]

    return _with(policies, split)


def _with(
    policies: Policies, change: Callable[[AuthorizationPolicy], Iterable[AuthorizationPolicy]]
) -> Policies:
    changed = (new for each in policies.authorizations for new in change(each))
    return replace(policies, authorizations=tuple(changed))
