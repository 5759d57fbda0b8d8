"""Warnings of Istio's webhook about valid objects of the current API, by kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from lab.kube.client import GroupResource, Object, Review
from lab.mesh.config.current import (
    authorization_policy,
    peer_authentication,
    request_authentication,
    security_warnings,
)
from lab.mesh.config.networking import destination_rule, gateway, virtual_service
from lab.mesh.config.networking.destination_warnings import destination_rule_warnings
from lab.mesh.config.networking.gateway_warnings import gateway_warnings
from lab.mesh.config.networking.route_warnings import virtual_service_warnings
from lab.mesh.config.webhook import mapping
from lab.mesh.workloads import revisions

Find = Callable[[Object], Iterable[str]]
"""The warnings about a `spec`, in Istio's words and order."""


def _review(find: Find) -> Review:
    return revisions.asked(lambda new: list(find(mapping(new.get("spec")))))


WARNINGS: Mapping[GroupResource, Review] = {
    key: _review(find)
    for key, find in (
        (authorization_policy.KEY, security_warnings.authorization_policy_warnings),
        (request_authentication.KEY, security_warnings.request_authentication_warnings),
        (peer_authentication.KEY, security_warnings.selector_warnings),
        (destination_rule.KEY, destination_rule_warnings),
        (gateway.KEY, gateway_warnings),
        (virtual_service.KEY, virtual_service_warnings),
    )
}
