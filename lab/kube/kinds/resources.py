"""What the server knows about one kind of object in one API version."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from lab.kube.kinds.schema import Schema
from lab.kube.objects import GroupResource, Object

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")

NameRule = Literal["subdomain", "label", "service", "path"]


@dataclass(frozen=True)
class Column:
    """One column of `kubectl get`. Priority above 0 is shown with `-o wide` only."""

    name: str
    value: Callable[[Object], Any]
    type: str = "string"
    priority: int = 0
    description: str = ""


@dataclass(frozen=True, eq=False)
class Resource:
    """A collection as the API serves it. `crd` names the CustomResourceDefinition, "" for a built-in kind."""

    group: str
    version: str
    plural: str
    kind: str
    schema: Schema
    namespaced: bool = True
    singular: str = ""
    list_kind: str = ""
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    verbs: tuple[str, ...] = ALL_VERBS
    crd: str = ""
    has_generation: bool = False
    name_rule: NameRule = "subdomain"
    fields: tuple[str, ...] = ()
    """What a field selector may ask for, besides metadata.name and metadata.namespace."""
    notice: str = ""
    """What whoever creates one is warned of."""

    @property
    def key(self) -> GroupResource:
        return GroupResource(self.group, self.plural)

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def path(self) -> str:
        """The path of the group and version below the server's root, without slashes around it."""
        return f"apis/{self.api_version}" if self.group else f"api/{self.version}"
