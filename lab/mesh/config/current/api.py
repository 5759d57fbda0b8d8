"""The current API as the control plane sees it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from lab.kube.client import Client, GroupResource, Review
from lab.mesh.config import definitions
from lab.mesh.config.current import (
    annotation_admission,
    authorization_policy,
    dry_run,
    peer_authentication,
    policies,
    request_authentication,
    security_admission,
)
from lab.mesh.config.current.inbound import inbound
from lab.mesh.config.current.listeners import listeners
from lab.mesh.config.current.outbound import upstreams_of
from lab.mesh.config.current.policies import Policies
from lab.mesh.config.current.security import security
from lab.mesh.config.current.warnings import WARNINGS
from lab.mesh.config.gateway_api.controller import GatewayController
from lab.mesh.config.networking import admission
from lab.mesh.config.policy_api import Controller, PolicyApi
from lab.mesh.config.webhook import in_turn
from lab.mesh.workloads import revisions
from lab.mesh.workloads.service_registry import ServiceRegistry

DEFINITIONS = (definitions.NETWORKING, Path(__file__).parent / "crds", definitions.GATEWAY_API)

ADMISSION: dict[GroupResource, Review] = {
    key: revisions.asked(
        in_turn(
            *admission.DECODING.get(key, ()),
            dry_run.review_on_policies if key == authorization_policy.KEY else dry_run.review_on_others,
            annotation_admission.review_annotations,
            review,
        )
    )
    for key, review in (
        *admission.REVIEWS.items(),
        (authorization_policy.KEY, security_admission.review_authorization_policy),
        (request_authentication.KEY, security_admission.review_request_authentication),
        (peer_authentication.KEY, security_admission.review_peer_authentication),
    )
}
"""In the order in which Istio looks, which stops where something is wrong."""


def _controllers(objects: Client, read_registry: Callable[[], ServiceRegistry]) -> Sequence[Controller]:
    return [GatewayController(objects, read_registry)]


SECTIONS = (
    "Setup",
    "Auto mutual TLS",
    "Globally enabling Istio mutual TLS in STRICT mode",
    "Cleanup part 1",
    "Namespace-wide policy",
    "Enable mutual TLS per workload",
    "Policy precedence",
    "Cleanup part 2",
    "End-user authentication",
    "Require a valid token",
    "Require valid tokens per-path",
    "Cleanup part 3",
)

API: PolicyApi[Policies] = PolicyApi(
    sections=SECTIONS,
    declared=Policies,
    definitions=lambda: definitions.load(*DEFINITIONS),
    admission=ADMISSION,
    policies=policies.OWN,
    keys=policies.KEYS,
    read=policies.read,
    inbound=inbound,
    listeners=listeners,
    upstreams=upstreams_of,
    security=security,
    controllers=_controllers,
    warnings={key: revisions.asked(review) for key, review in WARNINGS.items()},
)
