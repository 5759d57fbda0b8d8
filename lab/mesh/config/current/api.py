"""The current API as a `PolicyApi`: its definitions, webhooks, and how proxies are configured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from lab.kube.client import Client, GroupResource, Review
from lab.mesh.config import definitions
from lab.mesh.config.current import policies
from lab.mesh.config.current.inbound import inbound
from lab.mesh.config.current.listeners import listeners
from lab.mesh.config.current.outbound import upstreams_of
from lab.mesh.config.current.policies import Policies
from lab.mesh.config.current.security import security
from lab.mesh.config.gateway_api.controller import GatewayController
from lab.mesh.config.networking import declared as networking
from lab.mesh.config.policy_api import Controller, PolicyApi
from lab.mesh.config.webhook import LoadedReviews
from lab.mesh.workloads.service_registry import ServiceRegistry

DEFINITIONS = (definitions.NETWORKING, Path(__file__).parent / "crds", definitions.GATEWAY_API)

REVIEWED = (*policies.OWN, *networking.KEYS)
"""The kinds for which the webhook is called."""


def _admission() -> Mapping[GroupResource, Review]:
    from lab.mesh.config.current.admission import ADMISSION

    return ADMISSION


def _warnings() -> Mapping[GroupResource, Review]:
    from lab.mesh.config.current.warnings import WARNINGS

    return WARNINGS


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
    admission=LoadedReviews(REVIEWED, _admission),
    policies=policies.OWN,
    keys=policies.KEYS,
    read=policies.read,
    inbound=inbound,
    listeners=listeners,
    upstreams=upstreams_of,
    security=security,
    controllers=_controllers,
    warnings=LoadedReviews(REVIEWED, _warnings),
)
