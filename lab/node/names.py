"""Names in pods: a hosts file for each pod, and a resolver that fails at once for any other name."""

from __future__ import annotations

import asyncio
import os
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lab.kube.store import Key, Object, Store
from lab.node.services import SERVICES, cluster_addresses

ENDPOINT_SLICES = Key("discovery.k8s.io", "endpointslices")
CLUSTER_DOMAIN = "cluster.local"

RESOLV_CONF = "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n"
"""Nothing listens there, which a resolver is told at once: an unknown name is not waited for."""

NSSWITCH_CONF = "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n"
"""Hosts that ask other sources first (mDNS, a resolver daemon) would wait for them."""

_DEBOUNCE_S = 0.003

_HEADER = """\
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
"""


@dataclass(frozen=True)
class NamedService:
    """A service's name and the addresses that it stands for."""

    namespace: str
    name: str
    addresses: tuple[str, ...]


def named_services(services: Iterable[Object], slices: Iterable[Object]) -> list[NamedService]:
    """Services with a cluster address, and headless ones with the addresses of their ready endpoints."""
    ready: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for slice_ in slices:
        name = slice_["metadata"].get("labels", {}).get("kubernetes.io/service-name")
        for endpoint in slice_.get("endpoints") or ():
            if name and (endpoint.get("conditions") or {}).get("ready") is not False:
                ready[slice_["metadata"]["namespace"], name] |= set(endpoint["addresses"])
    found = []
    for service in services:
        namespace, name = service["metadata"]["namespace"], service["metadata"]["name"]
        headless = service["spec"].get("clusterIP") == "None"
        addresses = sorted(ready[namespace, name]) if headless else cluster_addresses(service)
        if addresses:
            found.append(NamedService(namespace, name, tuple(addresses)))
    return found


def hosts_file(services: Iterable[NamedService], namespace: str, hostname: str, address: str) -> str:
    """The hosts file of a pod: itself, and each service by every name that it has seen from `namespace`."""
    lines = [f"{address}\t{hostname}\n"]
    for service in services:
        short = f"{service.name}.{service.namespace}"
        names = [f"{short}.svc.{CLUSTER_DOMAIN}", f"{short}.svc", short]
        if service.namespace == namespace:
            names.append(service.name)
        lines += [f"{address}\t{' '.join(names)}\n" for address in service.addresses]
    return _HEADER + "".join(lines)


class Names:
    """Writes the hosts files of pods and keeps them as the store says."""

    def __init__(self, store: Store, directory: Path) -> None:
        self._store = store
        self._directory = directory
        self._pods: dict[Path, tuple[str, str, str]] = {}

    def prepare(self) -> None:
        """Writes what is the same for all pods."""
        self.resolver.write_text(RESOLV_CONF)
        self.switch.write_text(NSSWITCH_CONF)

    @property
    def resolver(self) -> Path:
        return self._directory / "resolv.conf"

    @property
    def switch(self) -> Path:
        return self._directory / "nsswitch.conf"

    def add(self, file: Path, namespace: str, hostname: str, address: str) -> None:
        """Writes a pod's hosts file, and goes on doing so until `remove`."""
        self._pods[file] = (namespace, hostname, address)
        file.touch()
        # `follow` still compares with what it has written for all: the other pods may need the same change.
        self._write(file, self._read())

    def remove(self, file: Path) -> None:
        self._pods.pop(file, None)

    async def follow(self) -> None:
        """Keeps all hosts files as the store says, for ever."""
        written: list[NamedService] = []
        async with self._store.subscribe(SERVICES, ENDPOINT_SLICES) as changes:
            while True:
                services = self._read()
                if services != written:
                    for file in self._pods:
                        self._write(file, services)
                    written = services
                if not changes.pending():
                    await anext(changes)
                await asyncio.sleep(_DEBOUNCE_S)
                changes.pending()

    def _read(self) -> list[NamedService]:
        return named_services(self._store.list(SERVICES), self._store.list(ENDPOINT_SLICES))

    def _write(self, file: Path, services: list[NamedService]) -> None:
        """In place, because the file is mounted; in one write that leaves nothing of a longer former text."""
        text = hosts_file(services, *self._pods[file]).encode()
        fd = os.open(file, os.O_RDWR | os.O_CLOEXEC)
        try:
            os.pwrite(fd, text.ljust(os.fstat(fd).st_size, b"\n"), 0)
            os.ftruncate(fd, len(text))
        finally:
            os.close(fd)
