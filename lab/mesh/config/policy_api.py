"""What a policy API is to the control plane: all in which one mesh differs from another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from lab.kube.store import Key, Object, Objects, Review, Store
from lab.mesh.config.key_source import Asker, KeySource
from lab.mesh.model.proxy_config import GatewayConfig, SidecarConfig
from lab.mesh.workloads.service_registry import ServiceRegistry, Workload


class Declared(Protocol):
    """What users have declared, with the services and workloads that it applies to; frozen."""

    @property
    def registry(self) -> ServiceRegistry: ...

    @property
    def key_sources(self) -> frozenset[KeySource]:
        """Whose keys have to be fetched."""
        ...

    @property
    def key_askers(self) -> Iterable[tuple[KeySource, Asker]]:
        """Which policies need the keys of which source."""
        ...


class Controller(Protocol):
    """A task of the mesh that brings objects of the cluster to their wanted state."""

    def install(self) -> None:
        """Creates what users find from the start."""
        ...

    async def run(self) -> None:
        """Follows the cluster, for ever."""
        ...


D = TypeVar("D", bound=Declared)


def no_controllers(objects: Objects, read_registry: Callable[[], ServiceRegistry]) -> Sequence[Controller]:  # noqa: ARG001
    return ()


@dataclass(frozen=True)
class PolicyApi(Generic[D]):
    """One policy API. `D` is what is declared in it; configurations are conclusions in the common model."""

    name: str
    """As in `python -m lab up --mesh`."""
    declared: type[D]
    """What `read` gives: by it a change to what is declared knows which API it is for."""
    definitions: Callable[[], Iterable[Object]]
    """The CustomResourceDefinitions."""
    admission: Mapping[Key, Review]
    """What its webhook says of objects that their schema has nothing against."""
    keys: tuple[Key, ...]
    """What `read` depends on, besides the service registry."""
    read: Callable[[Store, ServiceRegistry, Mapping[KeySource, str]], D]
    """What the store holds now, with the key sets that have been fetched for it."""
    sidecar_config: Callable[[D, Workload], SidecarConfig]
    """What a sidecar must do."""
    gateway_config: Callable[[D, Workload], GatewayConfig]
    """What a gateway must do."""
    controllers: Callable[[Objects, Callable[[], ServiceRegistry]], Sequence[Controller]] = no_controllers
    objects: Callable[[str], Iterable[tuple[Key, Object]]] = lambda root_namespace: ()  # noqa: ARG005
    """What the mesh brings along, besides definitions and its gateway; the argument is its root namespace."""
    warnings: Mapping[Key, Review] = field(default_factory=dict)
    """What its webhook warns of in objects that it takes."""
    account_secrets: bool = False
    """Whether clusters of its age keep a Secret with a token for every ServiceAccount."""
