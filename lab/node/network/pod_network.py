"""The pod network: one bridge on the node, a veth pair and an address for each pod, no uplink.

A pod has a /32 address and reaches everything by way of the node. So the node sees each packet between two
pods, and undoes its translations on the way back also when both pods hang on the one bridge.
"""

from __future__ import annotations

import ipaddress
import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lab.node.processes import syscalls
from lab.node.processes.spawner import Spawner

POD_NETWORK = ipaddress.ip_network("10.244.0.0/16")
SERVICE_NETWORK = ipaddress.ip_network("10.96.0.0/16")
NODE_ADDRESS = "10.244.0.1"
_BRIDGE = "br0"

# A fixed hardware address: a bridge otherwise changes its own whenever a pod with a lower one joins, and all
# other pods go on sending to the old one.
_NODE_BATCH = f"""\
link set lo up
link add {_BRIDGE} address 02:00:0a:f4:00:01 type bridge
addr add {NODE_ADDRESS}/{POD_NETWORK.prefixlen} dev {_BRIDGE}
link set {_BRIDGE} up
route add {SERVICE_NETWORK} dev {_BRIDGE}
"""

_SYSCTLS = {
    "net/ipv4/ip_forward": "1",
    "net/ipv4/conf/all/send_redirects": "0",
    "net/ipv4/conf/default/send_redirects": "0",
}
# Present only where br_netfilter is loaded. Filtering bridged packets would break a pod that calls itself by
# way of its service.
_SYSCTLS_IF_PRESENT = {"net/bridge/bridge-nf-call-iptables": "0"}


class NoAddressLeft(Exception):
    """Every address of the pod network is in use."""


@dataclass(frozen=True)
class Sandbox:
    """A pod's network and host name. It is gone once it is closed and the last of its processes has ended."""

    address: str
    network: int
    uts: int

    def processes(self) -> Iterator[int]:
        """Process ids of everything that is still in the pod's network."""
        mine = os.fstat(self.network).st_ino
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    inode = (entry / "ns/net").stat().st_ino
                except (FileNotFoundError, ProcessLookupError, PermissionError):
                    continue  # ended meanwhile
                if inode == mine:
                    yield int(entry.name)

    def close(self) -> None:
        os.close(self.network)
        os.close(self.uts)


class PodNetwork:
    """Creates and releases the sandboxes of pods."""

    def __init__(self, spawner: Spawner) -> None:
        self._spawner = spawner
        self._used: set[str] = set()
        # An address is used again only after all others: a client may still hold the old one.
        self._addresses = _pod_addresses()
        self._links = itertools.count(1)

    async def start(self) -> None:
        """Sets up the node's own network."""
        _set_sysctls()
        await self._spawner.run(["ip", "-batch", "-"], _NODE_BATCH.encode())

    def allocate(self) -> str:
        """An address for a pod. Raises NoAddressLeft."""
        for address in itertools.islice(self._addresses, POD_NETWORK.num_addresses):
            if address not in self._used:
                self._used.add(address)
                return address
        raise NoAddressLeft(f"no address is left in {POD_NETWORK}")

    async def connect(self, address: str, hostname: str) -> Sandbox:
        """A sandbox with a network interface of this address, ready for programs."""
        network, uts = syscalls.new_pod_namespaces(hostname)
        sandbox = Sandbox(address, network, uts)
        link = f"v{next(self._links)}"
        peer = f"/proc/{os.getpid()}/fd/{network}"
        try:
            await self._spawner.run(
                ["ip", "-batch", "-"],
                f"link add {link} type veth peer name eth0 netns {peer}\n"
                f"link set {link} master {_BRIDGE} up\n".encode(),
            )
            await self._spawner.run(
                ["ip", "-batch", "-"],
                f"link set lo up\naddr add {address}/32 dev eth0\nlink set eth0 up\n"
                f"route add default via {NODE_ADDRESS} dev eth0 onlink\n".encode(),
                network=network,
            )
        except BaseException:
            sandbox.close()
            raise
        return sandbox

    def release(self, address: str) -> None:
        self._used.discard(address)


def _set_sysctls() -> None:
    for name, value in _SYSCTLS.items():
        Path("/proc/sys", name).write_text(value)
    for name, value in _SYSCTLS_IF_PRESENT.items():
        if (path := Path("/proc/sys", name)).exists():
            path.write_text(value)


def _pod_addresses() -> Iterator[str]:
    """All addresses in turn, forever, except the node's and those that end in 0 or 255.

    Some programs take the latter for networks.
    """
    while True:
        for host in map(str, POD_NETWORK.hosts()):
            if host.rsplit(".", 1)[1] not in ("0", "255") and host != NODE_ADDRESS:
                yield host
