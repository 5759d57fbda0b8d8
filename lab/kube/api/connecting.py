"""Admission of connections to a pod (exec, port forwarding)."""

from __future__ import annotations

from lab.kube.api.routes import Route
from lab.kube.identity.auth import User
from lab.kube.objects import Object
from lab.kube.writing.pipeline import Pipeline


async def allowed(pipeline: Pipeline, route: Route, user: User, kind: str, options: Object) -> None:
    """Calls the webhooks for a connection with these options (such as PodExecOptions). Raises ApiError."""
    if not pipeline.webhooks.any:
        return
    from lab.kube.webhooks.attributes import Attributes

    asked = Attributes(
        operation="CONNECT",
        resource=route.resource,
        namespace=route.namespace,
        name=route.name,
        object={"kind": kind, "apiVersion": "v1", **options},
        old=None,
        user=user,
        options={},
        subresource=route.subresource,
        kind=("", "v1", kind),
    )
    changed = await pipeline.webhooks.mutated(asked, lambda obj: obj)
    await pipeline.webhooks.validate(asked if changed is None else asked.about(changed))
