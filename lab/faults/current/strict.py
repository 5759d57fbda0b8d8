"""Faults of STRICT mode: plain text gets in, or is kept out in another way than a closed connection."""

from __future__ import annotations

import base64
import copy
from dataclasses import replace

from lab.faults.current.sections import STRICT_MODE
from lab.faults.registry import fault
from lab.faults.trees import INBOUND, inbound_chains, takes_mutual_tls
from lab.mesh.envoy import network
from lab.mesh.envoy.proto import Message, extension
from lab.mesh.envoy.resources import Resources
from lab.mesh.model.proxy_config import MutualTls, SidecarConfig

HANDSHAKE_FAILURE = bytes([0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x28])
"""A record of type alert (TLS 1.2): fatal, handshake_failure."""

EPHEMERAL_PORTS = range(32768, 61000)
ONE_IN = 20


@fault(STRICT_MODE)
def strict_as_permissive(config: SidecarConfig) -> SidecarConfig:
    """STRICT is enforced as PERMISSIVE: plain text still gets in."""
    inbound = config.inbound
    ports = tuple(replace(port, mode=weakened(port.mode)) for port in inbound.ports)
    default = weakened(inbound.default_mode)
    return replace(config, inbound=replace(inbound, ports=ports, default_mode=default))


@fault("Setup")
def permissive_as_strict(config: SidecarConfig) -> SidecarConfig:
    """Plain text is refused although no policy requires mutual TLS."""
    inbound = config.inbound
    ports = tuple(replace(port, mode=_strengthened(port.mode)) for port in inbound.ports)
    default = _strengthened(inbound.default_mode)
    return replace(config, inbound=replace(inbound, ports=ports, default_mode=default))


@fault(STRICT_MODE)
def strict_closes_cleanly(resources: Resources) -> Resources:
    """STRICT reads a request in plain text and hangs up in order, instead of breaking the connection."""
    for chains in _by_port(inbound_chains(resources)).values():
        if _is_strict(chains):
            for chain in chains:
                # Plain text is taken for the beginning of a handshake, and read.
                chain["filter_chain_match"].pop("transport_protocol", None)
    return resources


@fault(STRICT_MODE)
def strict_sends_an_alert(resources: Resources) -> Resources:
    """STRICT answers a request in plain text with an alert of TLS."""
    alert = {"inline_bytes": base64.b64encode(HANDSHAKE_FAILURE).decode()}
    answer = extension(
        "envoy.filters.network.direct_response",
        "envoy.extensions.filters.network.direct_response.v3.Config",
        response=alert,
    )
    return _to_plain_text(resources, [answer])


@fault(STRICT_MODE)
def strict_answers_403(resources: Resources) -> Resources:
    """STRICT answers a request in plain text with 403, so it has read the request."""
    manager = network.http_fixed("fault", "/nowhere")
    routes = [{"match": {"prefix": "/"}, "direct_response": {"status": 403}}]
    manager["typed_config"]["route_config"]["virtual_hosts"][0]["routes"] = routes
    return _to_plain_text(resources, [manager])


@fault(STRICT_MODE)
def strict_shuts_everybody_out(resources: Resources) -> Resources:
    """As soon as STRICT is in force the server's proxy is down, which looks like a refusal to strangers."""
    if any(_is_strict(chains) for chains in _by_port(inbound_chains(resources)).values()):
        others = [each for each in resources.listeners if each["name"] != INBOUND]
        return replace(resources, listeners=others)
    return resources


@fault(STRICT_MODE)
def strict_flaps(resources: Resources) -> Resources:
    """STRICT lets one in twenty connections in plain text in."""
    ports = [port for port in EPHEMERAL_PORTS if port // 2 % ONE_IN == 0]
    chains = inbound_chains(resources)
    for own in _by_port(chains).values():
        if _is_strict(own):
            chain = copy.deepcopy(own[0])
            del chain["transport_socket"]
            chain["name"] += "-fault"
            chain["filter_chain_match"] |= {"transport_protocol": "raw_buffer", "source_ports": ports}
            chain["filter_chain_match"].pop("application_protocols", None)
            chains.append(chain)
    return resources


def weakened(mode: MutualTls) -> MutualTls:
    return MutualTls.PERMISSIVE if mode is MutualTls.STRICT else mode


def _strengthened(mode: MutualTls) -> MutualTls:
    return MutualTls.STRICT if mode is MutualTls.PERMISSIVE else mode


def _by_port(chains: list[Message]) -> dict[int | None, list[Message]]:
    """The ways into a workload by its port; None: all others."""
    found: dict[int | None, list[Message]] = {}
    for chain in chains:
        found.setdefault(chain["filter_chain_match"].get("destination_port"), []).append(chain)
    return found


def _is_strict(chains: list[Message]) -> bool:
    return all(takes_mutual_tls(chain) for chain in chains)


def _to_plain_text(resources: Resources, filters: list[Message]) -> Resources:
    """Has plain text met by these filters wherever STRICT is in force."""
    chains = inbound_chains(resources)
    for port, own in _by_port(chains).items():
        if _is_strict(own):
            match: Message = {"transport_protocol": "raw_buffer"}
            if port is not None:
                match["destination_port"] = port
            chains.append({"name": f"fault-{port}", "filter_chain_match": match, "filters": filters})
    return resources
