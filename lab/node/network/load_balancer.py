"""Services that are reached from the host: their node ports on 127.0.0.1, and load balancers.

A load balancer is an address of its own in 127.0.0.0/8, with every port of the service. Where one of them
may not be listened on (an ordinary user's port 80) the service has none: it stays pending, as in a cluster
without any, and its node ports do instead.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lab.kube.client import SERVICES, Client, Object
from lab.node.network.host_ports import LOCALHOST, HostPorts
from lab.node.network.relay import Relays
from lab.node.network.service_proxy import cluster_addresses

MANAGER = "service-controller"

SocketAddress = tuple[str, int]
"""An address and a port."""


@dataclass(frozen=True)
class Balancer:
    """The address of one service, and the descriptor that keeps it from other labs."""

    address: str
    claim: int


class LoadBalancer:
    """Keeps the ports of Services open on the host."""

    def __init__(self, objects: Client, host_ports: HostPorts, relays: Relays) -> None:
        self._objects = objects
        self._host_ports = host_ports
        self._relays = relays
        self._listeners: dict[SocketAddress, tuple[SocketAddress, asyncio.Server]] = {}
        self._balancers: dict[str, Balancer] = {}
        self._warned: set[tuple[str, tuple[int, ...]]] = set()

    async def run(self) -> None:
        """Watches the Services, forever. Raises HostListenerGone."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._host_ports.until_gone())
                tasks.create_task(self._follow())
        finally:
            self._close(self._listeners)
            self._relays.close()
            for balancer in self._balancers.values():
                os.close(balancer.claim)

    async def _follow(self) -> None:
        async with self._objects.store.watch(SERVICES) as changes:
            while True:
                await self._reconcile(self._objects.store.list(SERVICES))
                if not changes.pending():
                    await anext(changes)
                    changes.pending()

    async def _reconcile(self, services: Sequence[Object]) -> None:
        wanted: dict[SocketAddress, SocketAddress] = {}
        for service in services:
            wanted |= _node_ports(service)
            if _is_load_balanced(service) and (balancer := self._balancers.get(_uid(service))):
                wanted |= _load_balanced_ports(service, balancer.address)
        self._close(
            listen_on for listen_on, (target, _) in self._listeners.items() if wanted.get(listen_on) != target
        )
        for uid in self._balancers.keys() - {_uid(each) for each in services if _is_load_balanced(each)}:
            os.close(self._balancers.pop(uid).claim)
        alive = {_uid(each) for each in services}
        self._warned = {about for about in self._warned if about[0] in alive}
        for service in services:
            await self._open_node_ports(service)
            if _is_load_balanced(service):
                await self._balance(service)
            elif (service.get("status") or {}).get("loadBalancer"):
                self._publish(service, None)

    async def _open_node_ports(self, service: Object) -> None:
        for listen_on, target in _node_ports(service).items():
            if (failure := await self._open(listen_on, target)) is not None:
                self._warn(
                    service,
                    (listen_on[1],),
                    "NodePortUnavailable",
                    f"Node port {listen_on[1]} of {LOCALHOST} cannot be listened on: {failure.strerror}",
                )

    async def _balance(self, service: Object) -> None:
        """Opens all ports, or none."""
        uid = _uid(service)
        balancer = self._balancers.get(uid) or Balancer(*self._host_ports.claim())
        self._balancers[uid] = balancer
        ports = _load_balanced_ports(service, balancer.address)
        for listen_on, target in ports.items():
            if (failure := await self._open(listen_on, target)) is None:
                continue
            self._close(ports)
            os.close(self._balancers.pop(uid).claim)
            self._publish(service, None)
            node_ports = " or ".join(f"{LOCALHOST}:{port}" for _, port in _node_ports(service))
            self._warn(
                service,
                tuple(port for _, port in ports),
                "SyncLoadBalancerFailed",
                "Error syncing load balancer: failed to ensure load balancer: "
                f"port {listen_on[1]} of {balancer.address} cannot be listened on: {failure.strerror}"
                + (f"; use {node_ports}" if node_ports else ""),
            )
            return
        self._publish(service, balancer)

    async def _open(self, listen_on: SocketAddress, target: SocketAddress) -> OSError | None:
        """Opens a listener that is not there yet; what went wrong, or None."""
        if listen_on in self._listeners:
            return None
        try:
            listener = self._host_ports.listen(*listen_on)
        except OSError as failure:
            return failure
        self._listeners[listen_on] = target, await self._relays.serve(listener, *target)
        return None

    def _close(self, addresses: Iterable[SocketAddress]) -> None:
        for listen_on in list(addresses):
            if (listener := self._listeners.pop(listen_on, None)) is not None:
                listener[1].close()

    def _publish(self, service: Object, balancer: Balancer | None) -> None:
        # Proxy: what comes to this address is passed on from there, and has no meaning inside the cluster.
        ingress = {"ingress": [{"ip": balancer.address, "ipMode": "Proxy"}]} if balancer else {}
        metadata = service["metadata"]
        status = {**(service.get("status") or {}), "loadBalancer": ingress}
        self._objects.set_status(SERVICES, metadata["namespace"], metadata["name"], status, manager=MANAGER)

    def _warn(self, service: Object, ports: tuple[int, ...], reason: str, message: str) -> None:
        """Once for each service and set of ports."""
        if (key := (_uid(service), ports)) not in self._warned:
            self._warned.add(key)
            self._objects.emit(service, reason=reason, message=message, type="Warning", component=MANAGER)


def _uid(service: Object) -> str:
    return str(service["metadata"]["uid"])


def _is_load_balanced(service: Object) -> bool:
    spec = service["spec"]
    # A class names somebody else's load balancer.
    return spec.get("type") == "LoadBalancer" and not spec.get("loadBalancerClass")


def _node_ports(service: Object) -> dict[SocketAddress, SocketAddress]:
    if service["spec"].get("type") not in ("NodePort", "LoadBalancer"):
        return {}
    return {
        (LOCALHOST, port["nodePort"]): (address, port["port"])
        for address, port in _targets(service)
        if port.get("nodePort")
    }


def _load_balanced_ports(service: Object, address: str) -> dict[SocketAddress, SocketAddress]:
    return {(address, port["port"]): (target, port["port"]) for target, port in _targets(service)}


def _targets(service: Object) -> Iterable[tuple[str, Object]]:
    """Where the node's own address translation takes up: the cluster address, with each port."""
    for address in cluster_addresses(service)[:1]:
        for port in service["spec"].get("ports") or ():
            if port.get("protocol", "TCP") == "TCP":
                yield address, port
