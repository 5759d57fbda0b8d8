"""Faults of gateways: what is reported about them, and whom their policies concern."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TypeVar

from lab.faults.current.sections import END_USER
from lab.faults.registry import fault
from lab.faults.views import Report, reporting
from lab.kube.client import Client, GroupResource, Object
from lab.mesh.config.current.attachment import Attachment
from lab.mesh.config.current.authorization_policy import AuthorizationPolicy
from lab.mesh.config.current.policies import Policies
from lab.mesh.config.current.request_authentication import RequestAuthentication
from lab.mesh.config.gateway_api.gateways import GATEWAYS

Policy = TypeVar("Policy", RequestAuthentication, AuthorizationPolicy)


@fault(END_USER)
def gateway_never_programmed(cluster: Client) -> Client:
    """A Gateway is never reported to be programmed, although it serves."""
    return reporting(cluster, _programmed("False"))


@fault(END_USER)
def gateway_always_programmed(cluster: Client) -> Client:
    """A Gateway is reported to be programmed at once, before it has an address."""
    return reporting(cluster, _programmed("True"))


@fault(END_USER)
def target_ref_ignored(policies: Policies) -> Policies:
    """A policy that names its gateway by `targetRef` has no effect."""
    return replace(
        policies,
        request_authentications=tuple(
            each for each in policies.request_authentications if not each.attachment.references
        ),
        authorizations=tuple(each for each in policies.authorizations if not each.attachment.references),
    )


@fault(END_USER)
def gateway_policy_leaks(policies: Policies) -> Policies:
    """A policy for a gateway holds for the sidecars as well, behind the gateway and elsewhere."""
    root = policies.registry.root_namespace
    return replace(
        policies,
        request_authentications=_for_everybody(policies.request_authentications, root),
        authorizations=_for_everybody(policies.authorizations, root),
    )


def _programmed(status: str) -> Report:
    def report(key: GroupResource, _obj: Object, wanted: Object) -> Object:
        if key != GATEWAYS:
            return wanted
        conditions = [
            {**each, "status": status} if each["type"] == "Programmed" else each
            for each in wanted["conditions"]
        ]
        return {**wanted, "conditions": conditions}

    return report


def _for_everybody(policies: Iterable[Policy], root: str) -> tuple[Policy, ...]:
    return tuple(replace(each, namespace=root, attachment=Attachment()) for each in policies)
