"""The cluster's DNS names, as a hosts file in each pod; the resolver fails at once for any other name."""

from __future__ import annotations

import asyncio
import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.kube.client import CLUSTER_DOMAIN, ENDPOINT_SLICES, SERVICES, Object, Store
from lab.node.network.service_proxy import cluster_addresses

NamespacedName = tuple[str, str]
"""Namespace and name."""

RESOLV_CONF = "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n"
"""Nothing listens there, so that resolving an unknown name fails at once."""

NSSWITCH_CONF = "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n"
"""Without other sources (mDNS, a resolver daemon), which would cause waits."""

_DEBOUNCE_S = 0.003

_HEADER = """\
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
"""


def hostname(pod: Object) -> str:
    """The host name in a pod."""
    name: str = pod["spec"].get("hostname") or pod["metadata"]["name"]
    return name[:63].rstrip("-.")


def own_lines(pod: Object, address: str) -> str:
    """What a hosts file says of its pod, by the full name first, and of the aliases that the pod asks for."""
    name, spec = hostname(pod), pod["spec"]
    names = [name]
    if subdomain := spec.get("subdomain"):
        names.insert(0, f"{name}.{subdomain}.{pod['metadata']['namespace']}.svc.{CLUSTER_DOMAIN}")
    aliases = [(each["ip"], each.get("hostnames") or ()) for each in spec.get("hostAliases") or ()]
    return "".join(f"{ip}\t{' '.join(names)}\n" for ip, names in ((address, names), *aliases) if names)


@dataclass(frozen=True)
class Record:
    """A name of a namespace, and the addresses that it stands for."""

    namespace: str
    name: str
    addresses: tuple[str, ...]


def records(services: Sequence[Object], slices: Iterable[Object]) -> list[Record]:
    """The names of the cluster: each service, the pods of headless ones by their host names, other names."""
    ready: defaultdict[NamespacedName, list[Object]] = defaultdict(list)
    for slice_ in slices:
        name = slice_["metadata"].get("labels", {}).get("kubernetes.io/service-name")
        for endpoint in slice_.get("endpoints") or ():
            if name and (endpoint.get("conditions") or {}).get("ready") is not False:
                ready[slice_["metadata"]["namespace"], name].append(endpoint)
    addresses: defaultdict[NamespacedName, set[str]] = defaultdict(set)
    for service in services:
        namespace, name = key = _namespaced_name(service)
        if service["spec"].get("clusterIP") != "None":
            addresses[key] |= set(cluster_addresses(service))
            continue
        for endpoint in ready[key]:
            addresses[key] |= set(endpoint["addresses"])
            if endpoint.get("hostname"):
                addresses[namespace, f"{endpoint['hostname']}.{name}"] |= set(endpoint["addresses"])
    for key, meant in _external_names(services).items():
        addresses[key] |= addresses.get(meant, set())
    return [
        Record(namespace, name, tuple(sorted(found)))
        for (namespace, name), found in sorted(addresses.items())
        if found
    ]


def _external_names(services: Iterable[Object]) -> dict[NamespacedName, NamespacedName]:
    """What services of type ExternalName stand for: a service of the cluster, or a pod of one."""
    aliases = {
        _namespaced_name(service): _namespaced_name_of(service["spec"].get("externalName", ""))
        for service in services
        if service["spec"].get("type") == "ExternalName"
    }
    found = {}
    for key, meant in aliases.items():
        seen = {key}
        while meant is not None and meant in aliases and meant not in seen:
            seen.add(meant)
            meant = aliases[meant]
        if meant is not None and meant not in seen:
            found[key] = meant
    return found


def _namespaced_name_of(host: str) -> NamespacedName | None:
    """Namespace and name of a fully qualified name, if it is one of the cluster."""
    inside, service, rest = host.removesuffix(".").rpartition(f".svc.{CLUSTER_DOMAIN}")
    name, _, namespace = inside.rpartition(".")
    return (namespace, name) if service and not rest else None


def _namespaced_name(obj: Object) -> NamespacedName:
    return obj["metadata"]["namespace"], obj["metadata"]["name"]


def hosts_file(known: Iterable[Record], namespace: str, own: str) -> str:
    """The hosts file of a pod: its own lines, and all other names as they are seen from `namespace`."""
    lines = [own]
    for each in known:
        short = f"{each.name}.{each.namespace}"
        names = [f"{short}.svc.{CLUSTER_DOMAIN}", f"{short}.svc", short]
        if each.namespace == namespace:
            names.append(each.name)
        lines += [f"{address}\t{' '.join(names)}\n" for address in each.addresses]
    return _HEADER + "".join(lines)


class HostsFiles:
    """The hosts files of pods, kept up to date with the store."""

    def __init__(self, store: Store, directory: Path) -> None:
        self._store = store
        self._directory = directory
        self._pods: dict[Path, tuple[str, str]] = {}

    def prepare(self) -> None:
        """Writes the files that are the same for all pods."""
        self.resolver.write_text(RESOLV_CONF)
        self.switch.write_text(NSSWITCH_CONF)

    @property
    def resolver(self) -> Path:
        return self._directory / "resolv.conf"

    @property
    def switch(self) -> Path:
        return self._directory / "nsswitch.conf"

    def add(self, file: Path, namespace: str, own: str) -> None:
        """Writes a pod's hosts file, and keeps it up to date until `remove`."""
        self._pods[file] = (namespace, own)
        file.touch()
        # `follow` still compares with what it has written for all: the other pods may need the same change.
        self._write(file, self._read())

    def remove(self, file: Path) -> None:
        self._pods.pop(file, None)

    async def follow(self) -> None:
        """Keeps all hosts files up to date with the store, forever."""
        written: list[Record] = []
        async with self._store.watch(SERVICES, ENDPOINT_SLICES) as changes:
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

    def _read(self) -> list[Record]:
        return records(self._store.list(SERVICES), self._store.list(ENDPOINT_SLICES))

    def _write(self, file: Path, services: list[Record]) -> None:
        """In place, because the file is mounted; in one write that leaves nothing of a longer former text."""
        text = hosts_file(services, *self._pods[file]).encode()
        fd = os.open(file, os.O_RDWR | os.O_CLOEXEC)
        try:
            os.pwrite(fd, text.ljust(os.fstat(fd).st_size, b"\n"), 0)
            os.ftruncate(fd, len(text))
        finally:
            os.close(fd)
