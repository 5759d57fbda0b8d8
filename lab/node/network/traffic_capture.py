"""Traffic capture in a pod with a sidecar: inbound goes to port 15006 of the proxy, outbound to 15001.

The proxy's own traffic is told from the application's by a mark on its sockets (SO_MARK). The usual way, by
user id, needs a second user, which a rootless lab has not. Which traffic is captured is said by arguments,
those of istio-iptables; the rules come in the order of istio-iptables, too.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence

PROXY_MARK = 0x539
"""SO_MARK of every upstream socket of the proxy (the number 1337, the user id of proxies elsewhere)."""

INBOUND_PORT = 15006
OUTBOUND_PORT = 15001
TUNNEL_PORT = 15008

ALL = "*"
ARGUMENTS = {
    "-b": ALL,  # ports of the pod whose traffic is captured
    "-d": "15090,15021,15020",  # ports of the pod whose traffic is not: those of the proxy itself, for one
    "-i": ALL,  # networks to which traffic is captured
    "-x": "",  # networks to which it is not
    "-q": "",  # ports to which traffic is captured, wherever it goes
    "-o": "",  # ports to which it is not
    "-c": "",  # interfaces whose traffic is not captured
}
"""The arguments, each a comma-separated list, with their defaults."""

TABLE = "table ip capture"


class Misread(ValueError):
    """An argument is invalid; `str` says which."""


def rules(arguments: Sequence[str] = ()) -> str:
    """The nftables script of a pod. Raises Misread."""
    told = ARGUMENTS | _options(arguments)
    return f"""\
{TABLE} {{
  chain inbound {{
    type nat hook prerouting priority dstnat; policy accept;
{_lines(_inbound(told))}  }}
  chain outbound {{
    type nat hook output priority -100; policy accept;
{_lines(_outbound(told))}  }}
}}
"""


def _inbound(told: dict[str, str]) -> Iterator[str]:
    for interface in _interfaces(told["-c"]):
        yield f'iifname "{interface}" return'
    yield f"tcp dport {TUNNEL_PORT} return"
    if told["-b"] == ALL:
        for port in _ports(told["-d"]):
            yield f"tcp dport {port} return"
        yield f"meta l4proto tcp redirect to :{INBOUND_PORT}"
        return
    for port in _ports(told["-b"]):
        yield f"tcp dport {port} redirect to :{INBOUND_PORT}"


def _outbound(told: dict[str, str]) -> Iterator[str]:
    for interface in _interfaces(told["-c"]):
        yield f'oifname "{interface}" return'
    for port in _ports(told["-o"]):
        yield f"tcp dport {port} return"
    # From the proxy's inbound side to the application.
    yield 'oifname "lo" ip saddr 127.0.0.6 return'
    # From the proxy's outbound side to its own pod: through the inbound side, as for any other server.
    yield (
        f'oifname "lo" ip daddr != 127.0.0.1 meta l4proto tcp meta mark {PROXY_MARK:#x}'
        f" redirect to :{INBOUND_PORT}"
    )
    networks = () if told["-i"] == ALL else _networks(told["-i"])
    if not any(network.is_loopback for network in networks):
        # The application talking to itself.
        yield f'oifname "lo" meta mark != {PROXY_MARK:#x} return'
    yield f"meta mark {PROXY_MARK:#x} return"
    yield "ip daddr 127.0.0.1 return"
    for network in _networks(told["-x"]):
        yield f"ip daddr {network} return"
    for port in _ports(told["-q"]):
        yield f"tcp dport {port} redirect to :{OUTBOUND_PORT}"
    if told["-i"] == ALL:
        yield f"meta l4proto tcp redirect to :{OUTBOUND_PORT}"
    for network in networks:
        yield f"ip daddr {network} meta l4proto tcp redirect to :{OUTBOUND_PORT}"


def _options(arguments: Sequence[str]) -> dict[str, str]:
    if len(arguments) % 2 or not ARGUMENTS.keys() >= set(arguments[::2]):
        raise Misread(f"capture takes {', '.join(ARGUMENTS)}, each with a value: {' '.join(arguments)}")
    return dict(zip(arguments[::2], arguments[1::2], strict=True))


def _ports(text: str) -> list[int]:
    found = []
    for each in _parts(text):
        if not re.fullmatch("[0-9]{1,5}", each) or int(each) > 0xFFFF:
            raise Misread(f"no port: {each}")
        found.append(int(each))
    return found


def _networks(text: str) -> tuple[ipaddress.IPv4Network, ...]:
    """Those of IPv4, which alone the lab has."""
    try:
        found = [ipaddress.ip_network(each, strict=False) for each in _parts(text)]
    except ValueError as error:
        raise Misread(str(error)) from error
    return tuple(network for network in found if isinstance(network, ipaddress.IPv4Network))


def _interfaces(text: str) -> list[str]:
    for each in (found := _parts(text)):
        if not re.fullmatch(r"[a-zA-Z][\w.-]{,14}", each, re.ASCII):
            raise Misread(f"no interface: {each}")
    return found


def _parts(text: str) -> list[str]:
    return [part for each in text.split(",") if (part := each.strip())]


def _lines(statements: Iterator[str]) -> str:
    return "".join(f"    {statement}\n" for statement in statements)
