"""Faults of end-user authentication."""

from __future__ import annotations

from typing import Any

from lab.faults.registry import fault
from lab.faults.trees import messages
from lab.mesh.envoy.resources import Resources

LEAST_SKEW_S = 1
"""Envoy takes 0 as a wish for its own 60."""


@fault("End-user authentication")
def skew_zero(resources: Resources) -> Resources:
    """Tokens are refused as soon as they expire, without the minute of clock skew."""
    for provider in _jwt_providers(resources):
        provider["clock_skew_seconds"] = LEAST_SKEW_S
    return resources


@fault("End-user authentication")
def bad_token_accepted(resources: Resources) -> Resources:
    """A token that cannot be verified counts as none: `deadbeef` gets in."""
    for message in messages(resources.listeners):
        if "allow_missing" in message:
            del message["allow_missing"]
            message["allow_missing_or_failed"] = {}
    return resources


@fault("Require a valid token")
def unauthenticated_swapped(resources: Resources) -> Resources:
    """401 and 403 are swapped: for a bad token, and for one that is required and missing."""
    for message in messages(resources.listeners):
        if "http_filters" in message:
            message["local_reply_config"] = {"mappers": [_replacing(401, 403), _replacing(403, 401)]}
    return resources


def _jwt_providers(resources: Resources) -> list[dict[str, Any]]:
    return [
        provider
        for message in messages(resources.listeners)
        for provider in message.get("providers", {}).values()
    ]


def _replacing(status: int, other: int) -> dict[str, Any]:
    exactly = {"op": "EQ", "value": {"default_value": status, "runtime_key": f"fault.status_{status}"}}
    return {"filter": {"status_code_filter": {"comparison": exactly}}, "status_code": other}
