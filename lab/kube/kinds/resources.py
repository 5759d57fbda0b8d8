"""A resource: one kind of object in one API version, as the server serves it."""

from __future__ import annotations

from dataclasses import dataclass

from lab.kube.kinds.metadata import NameRule
from lab.kube.kinds.printers import DEFAULT, Column
from lab.kube.kinds.protobuf_messages import Message
from lab.kube.kinds.schema import Schema, builtin
from lab.kube.kinds.strategies import DEFAULT_STRATEGY, Strategy
from lab.kube.objects import GroupResource

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


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
    """The warning on creation."""
    strategy: Strategy = DEFAULT_STRATEGY
    protobuf: Message | None = None
    """How an object looks in protobuf; None where this server reads JSON alone."""

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


def native(
    schema: str,
    key: GroupResource,
    *,
    version: str = "v1",
    namespaced: bool = True,
    short_names: tuple[str, ...] = (),
    categories: tuple[str, ...] = (),
    subresources: tuple[str, ...] = (),
    columns: tuple[Column, ...] = DEFAULT,
    verbs: tuple[str, ...] = ALL_VERBS,
    has_generation: bool = False,
    name_rule: NameRule = "subdomain",
    fields: tuple[str, ...] = (),
    notice: str = "",
    strategy: Strategy = DEFAULT_STRATEGY,
    protobuf: Message | None = None,
) -> Resource:
    """A built-in kind by the full name of its schema, which is among those of `data`."""
    kind = schema.rsplit(".", 1)[1]
    return Resource(
        *(key.group, version, key.plural, kind, builtin(schema)),
        namespaced=namespaced,
        singular=kind.lower(),
        list_kind=f"{kind}List",
        short_names=short_names,
        categories=categories,
        subresources=subresources,
        columns=columns,
        verbs=verbs,
        has_generation=has_generation,
        name_rule=name_rule,
        fields=fields,
        notice=notice,
        strategy=strategy,
        protobuf=protobuf,
    )
