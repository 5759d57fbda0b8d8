"""The API of Istio 1.0 as a `PolicyApi`: definitions, webhooks, and how proxies are configured."""

from __future__ import annotations

from collections.abc import Iterator

from lab.kube.client import GroupResource, Object
from lab.mesh.config.istio_1_0 import admission, authentication_policy, definitions, policies
from lab.mesh.config.istio_1_0.inbound import inbound, listeners
from lab.mesh.config.istio_1_0.outbound import upstreams_of
from lab.mesh.config.istio_1_0.policies import Policies
from lab.mesh.config.networking import admission as networking_admission
from lab.mesh.config.networking import destination_rule
from lab.mesh.config.policy_api import PolicyApi
from lab.mesh.config.webhook import in_turn
from lab.mesh.model.hosts import service_host

OWN_SERVICES = ("istio-policy", "istio-telemetry")
"""Parts of the control plane of Istio 1.0. This mesh has none; but users expect their DestinationRules."""


def _objects(root_namespace: str) -> Iterator[tuple[GroupResource, Object]]:
    for name in OWN_SERVICES:
        limits = {"http2MaxRequests": 10_000, "maxRequestsPerConnection": 10_000}
        yield (
            destination_rule.KEY,
            {
                "apiVersion": f"{destination_rule.KEY.group}/{definitions.NETWORKING_VERSION}",
                "kind": "DestinationRule",
                "metadata": {"name": name, "namespace": root_namespace},
                "spec": {
                    "host": service_host(name, root_namespace),
                    "trafficPolicy": {"connectionPool": {"http": limits}},
                },
            },
        )


SECTIONS = (
    "Setup",
    "Globally enabling Istio mutual TLS",
    "Request from non-Istio services to Istio services",
    "Request from Istio services to non-Istio services",
    "Request from Istio services to Kubernetes API server",
    "Cleanup part 1",
    "Enable mutual TLS per namespace or service",
    "Namespace-wide policy",
    "Service-specific policy",
    "Policy precedence",
    "Cleanup part 2",
    "End-user authentication",
    "End-user authentication with mutual TLS",
    "Cleanup part 3",
)

API: PolicyApi[Policies] = PolicyApi(
    sections=SECTIONS,
    declared=Policies,
    definitions=definitions.load,
    admission={
        **{
            key: in_turn(*networking_admission.DECODING.get(key, ()), review)
            for key, review in networking_admission.REVIEWS.items()
        },
        authentication_policy.KEY: admission.review_policy,
        authentication_policy.MESH_KEY: admission.review_mesh_policy,
    },
    policies=policies.OWN,
    keys=policies.KEYS,
    read=policies.read,
    inbound=inbound,
    listeners=listeners,
    upstreams=upstreams_of,
    objects=_objects,
    account_secrets=True,
)
