"""Which sockets services get on the host, and what is said of it: objects and a host listener, no cluster."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from lab.kube.client import EVENTS, NAMESPACES, SERVICES, Object, Store
from lab.kube.kinds.scheme import Scheme
from lab.kube.writing.writes import Writes
from lab.node.network.host_ports import LOCALHOST, HostPorts
from lab.node.network.load_balancer import LoadBalancer
from lab.node.network.relay import Relays
from tests.node.network.test_host_ports import start


class Doors(Relays):
    """Leads nowhere: there is no cluster."""

    async def serve(self, listener: socket.socket, host: str, port: int) -> asyncio.Server:
        return await asyncio.start_server(lambda _, writer: writer.close(), sock=listener)


@dataclass
class Host:
    objects: Writes

    def create(self, name: str, *ports: int, **spec: Any) -> Object:
        numbers = [{"name": f"p{port}", "port": port} for port in ports]
        obj = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "namespace": "default"},
            "spec": {"type": "LoadBalancer", "selector": {"app": name}, "ports": numbers, **spec},
        }
        return self.objects.create(SERVICES, obj, manager="test")

    def get(self, name: str) -> Object:
        found = self.objects.store.get(SERVICES, "default", name)
        assert found
        return found

    def change(self, name: str, **spec: Any) -> None:
        old = self.get(name)
        self.objects.update(SERVICES, {**old, "spec": {**old["spec"], **spec}}, manager="test")

    def address(self, name: str) -> str | None:
        ingress = self.get(name)["status"]["loadBalancer"].get("ingress")
        return ingress[0]["ip"] if ingress else None

    def node_ports(self, name: str) -> list[int]:
        return [port["nodePort"] for port in self.get(name)["spec"]["ports"]]

    def warnings(self) -> list[tuple[str, str]]:
        return [(event["reason"], event["message"]) for event in self.objects.store.list(EVENTS)]

    async def until(self, condition: Callable[[], Any]) -> None:
        async with asyncio.timeout(5):
            while not condition():  # noqa: ASYNC110 - other processes have no events
                await asyncio.sleep(0.002)


def listens(address: str | None, port: int) -> bool:
    assert address
    try:
        socket.create_connection((address, port), timeout=2).close()
    except ConnectionRefusedError:
        return False
    return True


def free_port(address: str = LOCALHOST) -> int:
    with socket.create_server((address, 0)) as free:
        port: int = free.getsockname()[1]
    return port


@contextlib.asynccontextmanager
async def running() -> AsyncIterator[Host]:
    started = start()
    host_ports = HostPorts(started.channel)
    scheme = Scheme()
    scheme.node_port_is_free = host_ports.node_port_is_free
    objects = Writes(Store(), scheme)
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}
    objects.create(NAMESPACES, namespace, manager="test")
    task = asyncio.create_task(LoadBalancer(objects, host_ports, Doors(1)).run())
    try:
        yield Host(objects)
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        started.channel.close()
        assert started.process.wait(5) == 0


def exposed(scenario: Callable[[Host], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
    @wraps(scenario)
    async def test() -> None:
        async with running() as host:
            await scenario(host)

    del test.__wrapped__  # or the argument would be taken for a fixture
    return test


@exposed
async def test_a_load_balancer_has_an_address_of_its_own_with_every_port(host: Host) -> None:
    first, second = free_port(), free_port()
    host.create("one", first, second)
    host.create("two", first)
    await host.until(lambda: host.address("one") and host.address("two"))
    assert host.address("one") != host.address("two")
    assert host.get("one")["status"]["loadBalancer"]["ingress"][0]["ipMode"] == "Proxy"
    assert listens(host.address("one"), first)
    assert listens(host.address("one"), second)
    assert listens(host.address("two"), first)
    assert not listens(host.address("two"), second)
    for port in host.node_ports("one"):
        assert listens(LOCALHOST, port)
    assert not listens(LOCALHOST, first)
    assert host.warnings() == []


@exposed
async def test_a_deleted_service_listens_no_longer(host: Host) -> None:
    port = free_port()
    host.create("one", port)
    await host.until(lambda: host.address("one"))
    address, [node_port] = host.address("one"), host.node_ports("one")
    host.objects.delete(SERVICES, "default", "one")
    await host.until(lambda: not listens(address, port))
    await host.until(lambda: not listens(LOCALHOST, node_port))


@exposed
async def test_a_service_of_another_type_gives_its_address_up(host: Host) -> None:
    port = free_port()
    host.create("one", port)
    await host.until(lambda: host.address("one"))
    address, [node_port] = host.address("one"), host.node_ports("one")
    host.change("one", type="NodePort")
    await host.until(lambda: host.address("one") is None)
    assert not listens(address, port)
    assert listens(LOCALHOST, node_port)
    host.change("one", type="ClusterIP")
    await host.until(lambda: not listens(LOCALHOST, node_port))


@exposed
async def test_ports_that_are_added_are_listened_on_at_the_same_address(host: Host) -> None:
    first, second = free_port(), free_port()
    host.create("one", first)
    await host.until(lambda: host.address("one"))
    address = host.address("one")
    host.change("one", ports=[{"name": "new", "port": second, "protocol": "TCP"}])
    await host.until(lambda: listens(address, second))
    assert not listens(address, first)
    assert host.address("one") == address


@exposed
async def test_a_port_that_cannot_be_had_leaves_the_load_balancer_pending(
    host: Host,
) -> None:
    with socket.create_server(("0.0.0.0", 0)) as everywhere:
        taken, other = everywhere.getsockname()[1], free_port()
        host.create("one", other, taken)
        await host.until(host.warnings)
        assert host.address("one") is None
        [(reason, message)] = host.warnings()
        assert reason == "SyncLoadBalancerFailed"
        assert f"port {taken} of 127." in message
        assert "cannot be listened on: Address already in use; use 127.0.0.1:" in message
        for port in host.node_ports("one"):
            assert listens(LOCALHOST, port)
        host.create("two", other)
        await host.until(lambda: host.address("two"))
        assert len(host.warnings()) == 1
    host.change("two", sessionAffinity="ClientIP")
    await host.until(lambda: host.address("one"))
    assert listens(host.address("one"), taken)


@exposed
async def test_a_node_port_is_one_that_can_be_listened_on(host: Host) -> None:
    host.create("one", 80, type="NodePort")
    [port] = host.node_ports("one")
    assert 30000 <= port < 32768
    await host.until(lambda: listens(LOCALHOST, port))
    # Half of the range is more sockets than an ordinary user's soft limit allows.
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    taken = [number for number in range(30000, 32768) if number != port][::2]
    held = []
    for number in taken:
        with contextlib.suppress(OSError):
            held.append(socket.create_server((LOCALHOST, number), backlog=1))
    try:
        for number in range(10):
            host.create(f"more-{number}", 80, type="NodePort")
        drawn = [host.node_ports(f"more-{number}")[0] for number in range(10)]
        assert not {each.getsockname()[1] for each in held} & set(drawn)
        await host.until(lambda: all(listens(LOCALHOST, each) for each in drawn))
        assert host.warnings() == []
    finally:
        for each in held:
            each.close()


@exposed
async def test_a_node_port_that_was_asked_for_and_is_taken_is_kept_with_one_warning(host: Host) -> None:
    port = next(number for number in range(31000, 32768) if _is_free(number))
    with socket.create_server((LOCALHOST, port)):
        ports = [{"name": "http", "port": 80, "nodePort": port}]
        host.create("one", type="NodePort", ports=ports)
        await host.until(host.warnings)
        assert host.node_ports("one") == [port]
    [(reason, message)] = host.warnings()
    assert reason == "NodePortUnavailable"
    assert message == f"Node port {port} of 127.0.0.1 cannot be listened on: Address already in use"


def _is_free(port: int) -> bool:
    try:
        socket.create_server((LOCALHOST, port)).close()
    except OSError:
        return False
    return True


@exposed
async def test_others_load_balancers_and_other_protocols_are_left_alone(host: Host) -> None:
    port = free_port()
    host.create("theirs", port, loadBalancerClass="example.com/other")
    host.create("ours", ports=[{"name": "dns", "port": port, "protocol": "UDP"}])
    host.create("last", port)
    await host.until(lambda: host.address("last"))
    assert host.address("theirs") is None
    assert not listens(host.address("ours"), port)
