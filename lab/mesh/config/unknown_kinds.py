"""Notices for kinds in the mesh's API groups that the reference mesh does not implement.

It serves no definitions of them, so that the API server has no such kind. Where a user brings the
definitions, their objects are stored, and whoever creates one is told that nothing comes of it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from lab.kube.client import GroupResource

GROUPS = frozenset(
    {
        "authentication.istio.io",
        "config.istio.io",
        "extensions.istio.io",
        "gateway.networking.k8s.io",
        "gateway.networking.x-k8s.io",
        "install.istio.io",
        "networking.istio.io",
        "rbac.istio.io",
        "security.istio.io",
        "telemetry.istio.io",
    }
)


def notice(known: Collection[GroupResource]) -> Callable[[GroupResource, str], str]:
    """What to tell of a kind, by its key and name; nothing of those that are known or none of the mesh's."""

    def of(key: GroupResource, kind: str) -> str:
        if key.group not in GROUPS or key in known:
            return ""
        return f"the reference mesh does not know a {kind}: it is stored, but changes nothing"

    return of
