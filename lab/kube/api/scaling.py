"""The `scale` subresource: the number of replicas of an object."""

from __future__ import annotations

from collections.abc import Callable

from lab.kube import errors
from lab.kube.api.routes import Route
from lab.kube.kinds.scale import scale_of, scaled
from lab.kube.objects import Json, Object
from lab.kube.writing.pipeline import Overtaken, Pipeline
from lab.kube.writing.request_validation import WriteOptions

_KIND = ("autoscaling", "v1", "Scale")
_ATTEMPTS = 5


async def rescale(
    pipeline: Pipeline, route: Route, change: Callable[[Object], Json], options: WriteOptions
) -> Object:
    """Applies `change` to the current Scale; returns the new one. Raises ApiError."""
    from lab.kube.writing import admission_attributes

    for _ in range(_ATTEMPTS):
        old = pipeline.existing(route.resource, route.namespace, route.name)
        before = scale_of(old)
        after = change(before)
        if not isinstance(after, dict):
            raise errors.bad_request("the body must be a Scale")
        asked = admission_attributes.update(route.resource, before, after, options, "scale", _KIND)
        try:
            new = scaled(old, await pipeline.consulted(asked, old))
            return scale_of(await pipeline.replace(route.resource, old, new, options, reviewed=False))
        except Overtaken:
            options.warnings.clear()
    raise errors.stale(route.resource, route.name)
