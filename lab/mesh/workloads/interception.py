"""Which traffic of a pod its sidecar intercepts, by the annotations `traffic.sidecar.istio.io/...`.

They become the arguments of the init container `istio-init`. Validation and messages are those of Istio's
injector (pkg/kube/inject/validate.go), which does not validate `includeOutboundPorts`, the ports that are
captured in any case.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from lab.golang.printing import listed
from lab.kube.client import Denied
from lab.mesh.model.ports import AGENT, METRICS, STATUS

PREFIX = "traffic.sidecar.istio.io/"
ALL = "*"
PROXY_PORTS = f"{METRICS},{STATUS}"
AGENT_PORT = str(AGENT)

LONGEST_INTERFACE = 15


@dataclass(frozen=True)
class Setting:
    """An annotation, and the argument that it becomes. `default` None: without it there is no argument."""

    name: str
    argument: str
    problems: Callable[[str], Iterator[str]]
    default: str | None = None
    may_be_all: bool = False


def arguments(annotations: Mapping[str, str]) -> list[str]:
    """The arguments of the container that sets up a pod's capture."""
    found = []
    for setting in SETTINGS:
        value = annotations.get(PREFIX + setting.name, setting.default)
        if value is not None:
            found += [setting.argument, _with_own_ports(value) if setting is EXCLUDED_INBOUND else value]
    return found


def refuse_misread(annotations: Mapping[str, str], webhook: str) -> None:
    """Raises Denied, in the name of this webhook, with all invalid annotations."""
    wrong = [
        f"invalid value '{value}' for annotation '{PREFIX}{setting.name}': {problem}"
        for setting in SETTINGS
        if (value := annotations.get(PREFIX + setting.name)) is not None
        and not (setting.may_be_all and value == ALL)
        for problem in setting.problems(value)
    ]
    if wrong:
        raise Denied(f"failed to run injection template: {listed(wrong)}", webhook)


def _with_own_ports(excluded: str) -> str:
    ports = excluded.split(",")
    if AGENT_PORT in ports:
        return f"{PROXY_PORTS},{excluded}"
    return ",".join([PROXY_PORTS, *(stripped for port in ports if (stripped := port.strip())), AGENT_PORT])


def _port_problems(called: str) -> Callable[[str], Iterator[str]]:
    def problems(value: str) -> Iterator[str]:
        for port in value.strip().split(",") if value.strip() else ():
            number = port.strip()
            if not re.fullmatch("[0-9]+", number):
                why = "invalid syntax"
            elif int(number) > 0xFFFF:
                why = "value out of range"
            else:
                continue
            failed = f"failed parsing port '{port}': "
            yield f'{called} invalid: {failed}{failed}strconv.ParseUint: parsing "{number}": {why}'
            return

    return problems


def _network_problems(called: str) -> Callable[[str], Iterator[str]]:
    def problems(value: str) -> Iterator[str]:
        for network in value.split(",") if value else ():
            if why := _not_a_network(network):
                parsed = f'netip.ParsePrefix("{network}"): {why}'
                yield f"{called} invalid: failed parsing cidr '{network}': {parsed}"
                return

    return problems


def _not_a_network(text: str) -> str:
    """Go's words for what is no CIDR."""
    address, slash, bits = text.rpartition("/")
    if not slash:
        return "no '/'"
    try:
        longest = ipaddress.ip_address(address).max_prefixlen
    except ValueError:
        return f'ParseAddr("{address}"): unable to parse IP'
    if "%" in address:
        return "IPv6 zones cannot be present in a prefix"
    if not re.fullmatch("0|[1-9][0-9]{0,2}", bits):
        return f'bad bits after slash: "{bits}"'
    return "" if int(bits) <= longest else "prefix length out of range"


def _interface_problems(value: str) -> Iterator[str]:
    for each in value.split(",") if value else ():
        interface = each.strip()
        if not interface:
            yield "empty interface name"
        elif len(interface) > LONGEST_INTERFACE:
            yield f'interface name "{interface}" too long (max {LONGEST_INTERFACE} chars)'
        elif not re.fullmatch(r"[a-zA-Z][a-zA-Z0-9_.\-]*", interface):
            yield f'interface name "{interface}" contains invalid characters'
        else:
            continue
        return


def _anything(value: str) -> Iterator[str]:  # noqa: ARG001 - a check like the others
    yield from ()


EXCLUDED_INBOUND = Setting("excludeInboundPorts", "-d", _port_problems("excludeInboundPorts"), "")
SETTINGS = (
    Setting("includeOutboundIPRanges", "-i", _network_problems("includeIPRanges"), ALL, may_be_all=True),
    Setting("excludeOutboundIPRanges", "-x", _network_problems("excludeIPRanges"), ""),
    Setting("includeInboundPorts", "-b", _port_problems("includeInboundPorts"), ALL, may_be_all=True),
    EXCLUDED_INBOUND,
    Setting("includeOutboundPorts", "-q", _anything),
    Setting("excludeOutboundPorts", "-o", _port_problems("excludeOutboundPorts")),
    Setting("excludeInterfaces", "-c", _interface_problems),
)
"""In the order in which Istio's template writes the arguments."""
