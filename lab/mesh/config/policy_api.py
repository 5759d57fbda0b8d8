"""The interface between a policy API and the rest of the mesh: everything in which APIs differ."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from lab.kube.client import Client, GroupResource, Object, Review, Store
from lab.mesh.config.key_source import Asker, KeySource
from lab.mesh.model.proxy_config import Inbound, Listener, RequestSecurity, Upstream
from lab.mesh.workloads.service_registry import Service, ServiceRegistry, Workload


class Declared(Protocol):
    """The policies, with the services and workloads to which they apply; frozen."""

    @property
    def registry(self) -> ServiceRegistry: ...

    @property
    def key_askers(self) -> Iterable[tuple[KeySource, Asker]]:
        """Each source of keys that have to be fetched, with a policy that needs them."""
        ...


class Controller(Protocol):
    """A task of the mesh that reconciles objects of the cluster."""

    def install(self) -> None:
        """Creates the objects that exist from the start."""
        ...

    async def run(self) -> None:
        """Watches the cluster, forever."""
        ...


D = TypeVar("D", bound=Declared)


def nothing_demanded(declared: Declared, workload: Workload) -> RequestSecurity:  # noqa: ARG001
    return RequestSecurity()


def no_controllers(objects: Client, read_registry: Callable[[], ServiceRegistry]) -> Sequence[Controller]:  # noqa: ARG001
    return ()


@dataclass(frozen=True)
class PolicyApi(Generic[D]):
    """One policy API. `D` is the type of its policies; results are in the common model."""

    sections: tuple[str, ...]
    """The headings of the document that describes it, in their order: what a fault breaks stands in one."""
    declared: type[D]
    """What `read` gives: by it a change to what is declared knows which API it is for."""
    definitions: Callable[[], Iterable[Object]]
    """The CustomResourceDefinitions."""
    admission: Mapping[GroupResource, Review]
    """What its webhook says of objects that their schema has nothing against."""
    policies: tuple[GroupResource, ...]
    """Its own kinds."""
    keys: tuple[GroupResource, ...]
    """What `read` depends on, besides the service registry."""
    read: Callable[[Store, ServiceRegistry, Mapping[KeySource, str]], D]
    """Reads the current objects in the store, with the key sets that have been fetched for them."""
    inbound: Callable[[D, Workload], Inbound]
    """What a workload with a sidecar accepts."""
    listeners: Callable[[D, Workload], tuple[Listener, ...]]
    """The listeners of a gateway, and where it sends requests."""
    upstreams: Callable[[D, Workload, Service], Iterable[Upstream]]
    """Each port of a service and of its subsets, as this client reaches it."""
    security: Callable[[D, Workload], RequestSecurity] = nothing_demanded
    """What a workload or a gateway requires of requests, on all of its ports."""
    controllers: Callable[[Client, Callable[[], ServiceRegistry]], Sequence[Controller]] = no_controllers
    objects: Callable[[str], Iterable[tuple[GroupResource, Object]]] = lambda root_namespace: ()  # noqa: ARG005
    """What the mesh brings along, besides definitions and its gateway; the argument is its root namespace."""
    warnings: Mapping[GroupResource, Review] = field(default_factory=dict)
    """What its webhook warns of in objects that it takes."""
    account_secrets: bool = False
    """Whether clusters of its age keep a Secret with a token for every ServiceAccount."""


AnyPolicyApi = PolicyApi[Any]
"""Any of them, regardless of the type of its policies."""
