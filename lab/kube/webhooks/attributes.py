"""The attributes of an admission request: one write, or one connection to a pod."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

from lab.kube.identity.auth import User
from lab.kube.kinds.resources import Resource
from lab.kube.objects import Object

Operation = Literal["CREATE", "UPDATE", "DELETE", "CONNECT"]

Completed = Callable[[Object], Object]
"""What the API server itself makes of an object that a webhook has changed: its defaults, say."""


@dataclass(frozen=True)
class Attributes:
    """`object` is None for a deletion, `old` for whatever creates. `kind` (group, version, kind) is set where
    the object is not of the resource's own kind, as with a Scale.

    `warnings` collects what the webhooks want the client to be told.
    """

    operation: Operation
    resource: Resource
    namespace: str
    name: str
    object: Object | None
    old: Object | None
    user: User
    options: Object
    dry_run: bool = False
    subresource: str = ""
    kind: tuple[str, str, str] | None = None
    warnings: list[str] = field(default_factory=list)

    @property
    def group_version_kind(self) -> tuple[str, str, str]:
        return self.kind or (self.resource.group, self.resource.version, self.resource.kind)

    def about(self, obj: Object) -> Attributes:
        """The same question about another object."""
        return replace(self, object=obj)

    def in_version(self, resource: Resource) -> Attributes:
        """The same question with the objects in another version of their kind."""
        if self.kind is not None or resource.version == self.resource.version:
            return self
        objects = (
            None if each is None else {**each, "apiVersion": resource.api_version}
            for each in (self.object, self.old)
        )
        new, old = objects
        return replace(self, resource=resource, object=new, old=old)
