"""The filters that read tokens and say who may do what, for HTTP and for opaque connections."""

from __future__ import annotations

from lab.mesh.envoy.proto import Json
from lab.mesh.model import RequestSecurity


def http_filters(security: RequestSecurity) -> list[Json]:  # noqa: ARG001 - nothing is demanded yet
    """In Istio's order: custom authorization, tokens, denials, permissions. They go before the router."""
    return []


def network_filters(security: RequestSecurity) -> list[Json]:  # noqa: ARG001 - nothing is demanded yet
    """What can be said about a connection alone. They go before the TCP proxy."""
    return []
