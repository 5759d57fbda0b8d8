"""Notices for kinds in the mesh's API groups that the reference mesh does not implement.

Their CRDs are not installed, so that the API server does not know these kinds. If a user installs the CRDs,
the objects are stored, with a warning that they have no effect.
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
    """The warning for a kind, by its key and name; none for known kinds, and kinds of other groups."""

    def of(key: GroupResource, kind: str) -> str:
        if key.group not in GROUPS or key in known:
            return ""
        return f"the reference mesh does not know a {kind}: it is stored, but changes nothing"

    return of
