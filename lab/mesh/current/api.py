"""The current API as the control plane sees it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from lab.kube.store import Key, Objects
from lab.mesh import crds
from lab.mesh.current import (
    authorization_policy,
    dry_run,
    peer_authentication,
    policies,
    request_authentication,
    security_admission,
)
from lab.mesh.current.gateway_snapshot import gateway_snapshot
from lab.mesh.current.policies import Policies
from lab.mesh.current.snapshot import snapshot
from lab.mesh.current.warnings import WARNINGS
from lab.mesh.gateway_api.controller import GatewayController
from lab.mesh.networking import admission
from lab.mesh.policy_api import AdmissionHook, Controller, PolicyApi
from lab.mesh.world import World

DEFINITIONS = (crds.NETWORKING, Path(__file__).parent / "crds", crds.GATEWAY_API)

ADMISSION: dict[Key, AdmissionHook] = {
    authorization_policy.KEY: security_admission.validate_authorization_policy,
    **{
        key: dry_run.refused_before(hook)
        for key, hook in (
            *admission.HOOKS.items(),
            (request_authentication.KEY, security_admission.validate_request_authentication),
            # The schema refuses all the rest.
            (peer_authentication.KEY, lambda new, _old: new),
        )
    },
}


def _controllers(objects: Objects, read_world: Callable[[], World]) -> Sequence[Controller]:
    return [GatewayController(objects, read_world)]


API: PolicyApi[Policies] = PolicyApi(
    name="current",
    declared=Policies,
    definitions=lambda: crds.load(*DEFINITIONS),
    admission=ADMISSION,
    keys=policies.KEYS,
    read=policies.read,
    snapshot=snapshot,
    gateway_snapshot=gateway_snapshot,
    controllers=_controllers,
    warnings=WARNINGS,
)
