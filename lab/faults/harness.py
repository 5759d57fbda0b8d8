"""Faults of the harness, not of the mesh: the suite must report "could not tell"."""

from __future__ import annotations

import asyncio
import ctypes
import errno
import os
import socket
import struct
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast

from lab.faults.registry import HARNESS, fault
from lab.faults.views import late
from lab.kube.client import Client, Object, Store
from lab.kube.runtime import ExecFailed, Log, Process, Runtime
from lab.kube.serving import Serving
from lab.mesh.config.apis import APIS
from lab.mesh.config.gateway_api.gateways import GATEWAYS
from lab.mesh.envoy.resources import Resources
from lab.mesh.model.proxy_config import MutualTls, SidecarConfig
from lab.node.images.programs import Launch, Readiness
from lab.node.network.host_ports import LOCALHOST, HostPorts

POLICIES = tuple(key for api in APIS.values() for key in api.policies)
"""Of one of these kinds is the first policy of each document; some cases need none, and come before."""

LATE_S = 0.5

REFUSED_PORT = 15099

SO_ATTACH_FILTER = 26
"""Of asm-generic/socket.h; the socket module does not name it."""
DROP_ALL = struct.pack("HBBI", 0x06, 0, 0, 0)
"""A filter program of one instruction: return 0 bytes of each packet. So SYNs are not answered either."""


@fault(HARNESS)
def pod_never_ready(launch: Launch) -> Launch:
    """httpbin starts, but never serves."""
    if launch.readiness is not Readiness.ANNOUNCED:
        return launch
    return replace(launch, argv=("sleep", "infinity"))


@fault(HARNESS)
def exec_refused(runtime: Runtime) -> Runtime:
    """No program can be started in a container."""
    return _Exec(runtime, refused=True)


@fault(HARNESS)
def exec_breaks_off(runtime: Runtime) -> Runtime:
    """Programs that were started in a container are ended soon."""
    return _Exec(runtime, ended_after_s=1.0)


@fault(HARNESS)
def exec_without_tools(runtime: Runtime) -> Runtime:
    """A shell in a container finds no program, curl neither."""
    return _Exec(runtime, before=("env", "PATH=/nowhere"))


@fault(HARNESS)
def api_server_gone() -> Callable[[Client | Serving], Client | Serving]:
    """The API server ends when it has taken the first policy."""
    stores: list[Store] = []

    def change(part: Client | Serving) -> Client | Serving:
        if isinstance(part, Serving):
            return _Ending(part, stores[0])
        stores.append(part.store)
        return part

    return change


@fault(HARNESS)
def gateways_come_late(cluster: Client) -> Client:
    """What serves a Gateway of the Gateway API is there half a second after the Gateway."""
    return late(cluster, (GATEWAYS,), LATE_S)


@fault(HARNESS)
def proxy_refuses_its_configuration(resources: Resources) -> Resources:
    """With mutual TLS STRICT for all ports, sidecars are given one more listener, which Envoy refuses."""
    config = resources.config
    if isinstance(config, SidecarConfig) and config.inbound.default_mode is MutualTls.STRICT:
        address = {"socket_address": {"address": LOCALHOST, "port_value": REFUSED_PORT}}
        resources.listeners.append({"name": "without-filters", "address": address})
    return resources


@fault(HARNESS)
def no_load_balancers(host_ports: HostPorts) -> HostPorts:
    """No Service is given the address of a load balancer."""
    return cast(HostPorts, _Balancers(host_ports, refused=True))


@fault(HARNESS)
def load_balancers_unreachable(host_ports: HostPorts) -> HostPorts:
    """Services are given addresses of load balancers at which nobody can be reached: connections time out."""
    return cast(HostPorts, _Balancers(host_ports, refused=False))


class _Balancers:
    """The host, on which load balancers cannot be listened for, or are listened for in vain."""

    def __init__(self, host_ports: HostPorts, *, refused: bool) -> None:
        self._host_ports = host_ports
        self._refused = refused

    def __getattr__(self, name: str) -> Any:
        return getattr(self._host_ports, name)

    def listen(self, address: str, port: int) -> socket.socket:
        if address == LOCALHOST:
            return self._host_ports.listen(address, port)
        if self._refused:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        listener = self._host_ports.listen(address, port)
        program = ctypes.create_string_buffer(DROP_ALL)
        listener.setsockopt(
            socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", 1, ctypes.addressof(program))
        )
        return listener


class _Ending:
    """A server that ends by itself, with the first policy in a store."""

    def __init__(self, server: Serving, store: Store) -> None:
        self._server = server
        self._store = store
        self._end: asyncio.Task[None] | None = None

    async def start(self, sockets: Sequence[socket.socket]) -> None:
        listeners = [listener.dup() for listener in sockets]
        await self._server.start(sockets)
        self._end = asyncio.get_running_loop().create_task(self._end_with_a_policy(listeners))

    async def _end_with_a_policy(self, listeners: Sequence[socket.socket]) -> None:
        async with self._store.watch(*POLICIES, replay=False) as policies:
            await anext(policies)
        # Other processes of the lab hold the same sockets, so that closing them would not be enough.
        for listener in listeners:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        await self.stop()

    async def stop(self) -> None:
        await self._server.stop()


class _Exec:
    """A runtime with something wrong about exec."""

    def __init__(
        self,
        runtime: Runtime,
        *,
        refused: bool = False,
        ended_after_s: float | None = None,
        before: tuple[str, ...] = (),
    ) -> None:
        self._runtime = runtime
        self._refused = refused
        self._ended_after_s = ended_after_s
        self._before = before

    async def exec(
        self, pod: Object, container: str, argv: Sequence[str], *, stdin: bool, tty: bool
    ) -> Process:
        if self._refused:
            raise ExecFailed("the node refuses")
        if self._before:
            argv = (*self._before, f"/bin/{argv[0]}", *argv[1:])
        process = await self._runtime.exec(pod, container, argv, stdin=stdin, tty=tty)
        if self._ended_after_s is not None:
            asyncio.get_running_loop().call_later(self._ended_after_s, process.kill)
        return process

    async def connect(self, pod: Object, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await self._runtime.connect(pod, port)

    def logs(self, pod: Object, container: str, *, previous: bool) -> Log | None:
        return self._runtime.logs(pod, container, previous=previous)
