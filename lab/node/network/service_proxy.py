"""Services as address translation on the node, what kube-proxy does: one nftables table, replaced as a whole.

A connection to a cluster address without a ready endpoint, or to a port that no service has, is refused.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lab.kube.client import ENDPOINT_SLICES, SERVICES, Object, Store
from lab.node.network.pod_network import SERVICE_NETWORK
from lab.node.processes.spawner import Spawner

# Long enough to take a burst of changes (a deployment that becomes ready) as one, too short to be noticed.
_DEBOUNCE_S = 0.003


@dataclass(frozen=True)
class Endpoint:
    """Address and port of a ready pod."""

    address: str
    port: int


@dataclass(frozen=True)
class Forwarding:
    """One port of one service's cluster address, and where its connections go. Protocols in lower case."""

    address: str
    protocol: str
    port: int
    endpoints: tuple[Endpoint, ...]


def forwardings(services: Iterable[Object], slices: Iterable[Object]) -> list[Forwarding]:
    """What to translate. Services without a cluster address (headless, ExternalName) need nothing."""
    by_service: defaultdict[tuple[str, str], list[Object]] = defaultdict(list)
    for slice_ in slices:
        metadata = slice_["metadata"]
        name = metadata.get("labels", {}).get("kubernetes.io/service-name")
        if name:
            by_service[metadata["namespace"], name].append(slice_)
    found = []
    for service in services:
        place = (service["metadata"]["namespace"], service["metadata"]["name"])
        for address in cluster_addresses(service):
            for port in service["spec"].get("ports", ()):
                endpoints = sorted(
                    _endpoints(by_service[place], port.get("name") or ""),
                    key=lambda endpoint: (endpoint.address, endpoint.port),
                )
                protocol = port.get("protocol", "TCP").lower()
                found.append(Forwarding(address, protocol, port["port"], tuple(endpoints)))
    return found


def cluster_addresses(service: Object) -> list[str]:
    """The service's cluster addresses (IPv4)."""
    spec = service["spec"]
    addresses = spec.get("clusterIPs") or [spec.get("clusterIP")]
    return [address for address in addresses if address and address != "None" and ":" not in address]


def _endpoints(slices: Iterable[Object], port_name: str) -> set[Endpoint]:
    found = set()
    for slice_ in slices:
        numbers = [p["port"] for p in slice_.get("ports") or () if (p.get("name") or "") == port_name]
        for endpoint in slice_.get("endpoints") or ():
            # An absent condition means ready (discovery.k8s.io/v1).
            if (endpoint.get("conditions") or {}).get("ready") is not False:
                found |= {Endpoint(address, n) for address in endpoint["addresses"] for n in numbers}
    return found


def rules(found: Sequence[Forwarding]) -> str:
    """The nftables script that replaces all translations by these, atomically."""
    served = [forwarding for forwarding in found if forwarding.endpoints]
    chains = "".join(
        f"  chain service-{n} {{\n    meta l4proto {f.protocol} dnat ip to {_choice(f.endpoints)}\n  }}\n"
        for n, f in enumerate(served)
    )
    verdicts = ", ".join(
        f"{f.address} . {f.protocol} . {f.port} : goto service-{number}" for number, f in enumerate(served)
    )
    addresses = sorted({endpoint.address for f in served for endpoint in f.endpoints})
    itself = ", ".join(f"{address} . {address}" for address in addresses)
    return f"""\
table ip services
delete table ip services
table ip services {{
{chains}\
  map services {{
    type ipv4_addr . inet_proto . inet_service : verdict
    {f"elements = {{ {verdicts} }}" if verdicts else ""}
  }}
  set itself {{
    type ipv4_addr . ipv4_addr
    {f"elements = {{ {itself} }}" if itself else ""}
  }}
  chain from-pods {{
    type nat hook prerouting priority dstnat
    ip daddr . meta l4proto . th dport vmap @services
  }}
  chain from-node {{
    type nat hook output priority -100
    ip daddr . meta l4proto . th dport vmap @services
  }}
  chain hairpin {{
    type nat hook postrouting priority srcnat
    # A pod that reaches itself through a service must see the node as the client, or it would answer itself.
    ct status dnat ip saddr . ip daddr @itself masquerade
  }}
  chain refuse {{
    ip daddr {SERVICE_NETWORK} meta l4proto tcp reject with tcp reset
    ip daddr {SERVICE_NETWORK} reject with icmp type port-unreachable
  }}
  chain refuse-pods {{
    type filter hook forward priority filter
    jump refuse
  }}
  chain refuse-node {{
    type filter hook output priority filter
    jump refuse
  }}
}}
"""


def _choice(endpoints: Sequence[Endpoint]) -> str:
    if len(endpoints) == 1:
        return f"{endpoints[0].address}:{endpoints[0].port}"
    choices = ", ".join(f"{n} : {e.address} . {e.port}" for n, e in enumerate(endpoints))
    return f"numgen random mod {len(endpoints)} map {{ {choices} }}"


async def forward(store: Store, spawner: Spawner) -> None:
    """Keeps the node's translations up to date with the store, forever."""
    written = ""
    async with store.watch(SERVICES, ENDPOINT_SLICES) as changes:
        while True:
            script = rules(forwardings(store.list(SERVICES), store.list(ENDPOINT_SLICES)))
            if script != written:
                await spawner.run(["nft", "-f", "-"], script.encode())
                written = script
            if not changes.pending():
                await anext(changes)
            await asyncio.sleep(_DEBOUNCE_S)
            changes.pending()
