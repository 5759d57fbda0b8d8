"""A policy API that nobody has: a Switch in a namespace says whether its workloads take mutual TLS only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lab.kube.client import GroupResource, Object, Store
from lab.mesh.config.key_source import Asker, KeySource
from lab.mesh.config.policy_api import PolicyApi
from lab.mesh.config.webhook import refuse_for
from lab.mesh.model.proxy_config import Inbound, InboundPort, Listener, MutualTls, Upstream
from lab.mesh.workloads.service_registry import Service, ServiceRegistry, Workload

GROUP = "toy.example.com"
SWITCHES = GroupResource(GROUP, "switches")

SPEC = {"type": "object", "properties": {"on": {"type": "boolean"}}}
DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": f"switches.{GROUP}"},
    "spec": {
        "group": GROUP,
        "scope": "Namespaced",
        "names": {"kind": "Switch", "listKind": "SwitchList", "plural": "switches", "singular": "switch"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": SPEC}}},
            }
        ],
    },
}


@dataclass(frozen=True)
class Switches:
    registry: ServiceRegistry
    on: frozenset[str] = frozenset()
    """Namespaces."""

    @property
    def key_askers(self) -> Iterator[tuple[KeySource, Asker]]:
        yield from ()


def review(new: Object) -> list[str]:
    refuse_for(["a switch is either on or off"] if "on" not in new["spec"] else [])
    return []


def read(store: Store, registry: ServiceRegistry, key_sets: Mapping[KeySource, str]) -> Switches:
    on = (each["metadata"]["namespace"] for each in store.list(SWITCHES) if each["spec"]["on"])
    return Switches(registry, frozenset(on))


def inbound(switches: Switches, workload: Workload) -> Inbound:
    mode = MutualTls.STRICT if workload.namespace in switches.on else MutualTls.DISABLE
    ports = switches.registry.served_ports(workload).items()
    return Inbound(tuple(InboundPort(port, spoken, mode) for port, spoken in ports), mode, ())


def listeners(switches: Switches, gateway: Workload) -> tuple[Listener, ...]:
    return ()


def upstreams(switches: Switches, client: Workload, service: Service) -> tuple[Upstream, ...]:
    return ()


API: PolicyApi[Switches] = PolicyApi(
    sections=("Switching on",),
    declared=Switches,
    definitions=lambda: [DEFINITION],
    admission={SWITCHES: review},
    policies=(SWITCHES,),
    keys=(SWITCHES,),
    read=read,
    inbound=inbound,
    listeners=listeners,
    upstreams=upstreams,
)
