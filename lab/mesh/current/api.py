"""The current API as the control plane sees it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from lab.kube.store import Objects
from lab.mesh import crds
from lab.mesh.current import authorization_policy, policies, request_authentication, security_admission
from lab.mesh.current.gateway_snapshot import gateway_snapshot
from lab.mesh.current.policies import Policies
from lab.mesh.current.snapshot import snapshot
from lab.mesh.gateway_api.controller import GatewayController
from lab.mesh.networking import admission
from lab.mesh.policy_api import Controller, PolicyApi
from lab.mesh.world import World

DEFINITIONS = (crds.NETWORKING, Path(__file__).parent / "crds", crds.GATEWAY_API)


def _controllers(objects: Objects, read_world: Callable[[], World]) -> Sequence[Controller]:
    return [GatewayController(objects, read_world)]


API: PolicyApi[Policies] = PolicyApi(
    name="current",
    declared=Policies,
    definitions=lambda: crds.load(*DEFINITIONS),
    admission={
        **admission.HOOKS,
        request_authentication.KEY: security_admission.validate_request_authentication,
        authorization_policy.KEY: security_admission.validate_authorization_policy,
    },
    keys=policies.KEYS,
    read=policies.read,
    snapshot=snapshot,
    gateway_snapshot=gateway_snapshot,
    controllers=_controllers,
)
