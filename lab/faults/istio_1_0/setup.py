"""Faults of the API of Istio 1.0 without any policy: who has a proxy, and what holds then."""

from __future__ import annotations

from dataclasses import replace

from lab.faults.current.network import everybody_injected, inbound_not_captured
from lab.faults.istio_1_0.sections import DOCUMENT, SETUP
from lab.faults.registry import fault
from lab.kube.client import Client
from lab.mesh.config.istio_1_0.authentication_policy import DEFAULT, Policy
from lab.mesh.config.istio_1_0.policies import Policies
from lab.mesh.model.proxy_config import MutualTls
from lab.node.images.programs import Launch


@fault(SETUP, DOCUMENT)
def mutual_tls_without_a_policy(policies: Policies) -> Policies:
    """Mutual TLS is required as long as no policy says what is."""
    if policies.policies or policies.mesh_policies:
        return policies
    return replace(policies, mesh_policies=(Policy("", DEFAULT, "", peers=(MutualTls.STRICT,)),))


@fault(SETUP, DOCUMENT)
def requests_pass_by_the_proxy(launch: Launch) -> Launch:
    """What comes to a workload with a sidecar goes past it."""
    return inbound_not_captured(launch)


@fault(SETUP, DOCUMENT)
def legacy_has_proxies(cluster: Client) -> Client:
    """Pods get a sidecar also in the namespace that did not ask for it."""
    return everybody_injected(cluster)
