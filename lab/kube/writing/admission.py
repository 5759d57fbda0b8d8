"""Admission hooks: Python functions that change or reject an object, or warn, before it is stored."""

from __future__ import annotations

from collections import defaultdict

from lab.kube import errors
from lab.kube.admission import Admission, Denied, Invalid, Review
from lab.kube.errors import ApiError
from lab.kube.kinds.resources import Resource
from lab.kube.objects import GroupResource, Object


class Hooks:
    """The hooks of each kind, in the order in which they were registered."""

    def __init__(self) -> None:
        self._of: defaultdict[GroupResource, list[Admission]] = defaultdict(list)
        self._reviews: defaultdict[GroupResource, list[Review]] = defaultdict(list)

    def register(self, key: GroupResource, hook: Admission) -> None:
        self._of[key].append(hook)

    def register_review(self, key: GroupResource, hook: Review) -> None:
        self._reviews[key].append(hook)

    def admitted(self, resource: Resource, new: Object, old: Object | None) -> Object:
        """Runs the hooks on an object that replaces another one, or none. Raises ApiError."""
        for hook in self._of.get(resource.key, ()):
            try:
                new = hook(new, old)
            except Denied as verdict:
                raise _as_a_webhook(verdict) from None
            except Invalid as verdict:
                cause = errors.invalid_value(verdict.field, verdict.value, verdict.detail)
                name = new["metadata"]["name"]
                raise errors.invalid(resource.group, resource.kind, name, [cause]) from None
        return new

    def reviewed(self, resource: Resource, new: Object) -> list[str]:
        """Warnings about a valid object. Raises ApiError if a review rejects it."""
        try:
            return [warning for review in self._reviews.get(resource.key, ()) for warning in review(new)]
        except Denied as verdict:
            raise _as_a_webhook(verdict) from None


def _as_a_webhook(verdict: Denied) -> ApiError:
    message = f'admission webhook "{verdict.webhook}" denied the request: {verdict.message}'
    return ApiError(verdict.code, "", message)
