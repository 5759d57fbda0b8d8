"""A helper to change what a sidecar knows of the services that its workload calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from lab.mesh.model.proxy_config import Endpoint, SidecarConfig, Upstream


def with_endpoints(
    config: SidecarConfig, endpoints: Callable[[Upstream], Iterable[Endpoint]]
) -> SidecarConfig:
    """What a sidecar knows of services, with these endpoints in place of those that there are."""
    return replace(
        config,
        upstreams=tuple(replace(each, endpoints=tuple(endpoints(each))) for each in config.upstreams),
    )
