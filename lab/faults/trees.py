"""Helpers to find and add messages in Envoy configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from lab.mesh.envoy import jwt
from lab.mesh.envoy.proto import Message, extension
from lab.mesh.envoy.resources import Resources

INBOUND = "virtualInbound"


def messages(tree: object) -> Iterator[Message]:
    """Every message in a tree of messages, outer ones first."""
    if isinstance(tree, dict):
        yield tree
        for value in list(tree.values()):
            yield from messages(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from messages(value)


def inbound_chains(resources: Resources) -> list[Message]:
    """The list of ways into a workload, to be changed in place; empty for a gateway."""
    for listener in resources.listeners:
        if listener["name"] == INBOUND:
            chains: list[Message] = listener["filter_chains"]
            return chains
    return []


def takes_mutual_tls(chain: Message) -> bool:
    return "transport_socket" in chain


def http_managers(tree: object) -> list[Message]:
    """The HTTP connection managers in a tree."""
    return [message for message in messages(tree) if "http_filters" in message]


def lua(name: str, script: str) -> Message:
    """An HTTP filter that runs a script for each request."""
    return extension(
        f"fault.{name}",
        "envoy.extensions.filters.http.lua.v3.Lua",
        default_source_code={"inline_string": script},
    )


def beside_token_filter(resources: Resources, behind: int, script: str) -> Resources:
    """With a script before the filter that verifies tokens (0), or behind it (1)."""
    for manager in http_managers(resources.listeners):
        names = [each["name"] for each in manager["http_filters"]]
        if jwt.NAME in names:
            manager["http_filters"].insert(names.index(jwt.NAME) + behind, lua("tokens", script))
    return resources


def with_runtime(resources: Resources, features: Mapping[str, bool]) -> Resources:
    """With these runtime features of Envoy on or off."""
    layers = [{"name": "fault", "static_layer": dict(features)}]
    runtime = resources.bootstrap["layered_runtime"]
    runtime = {**runtime, "layers": [*runtime["layers"], *layers]}
    return replace(resources, bootstrap={**resources.bootstrap, "layered_runtime": runtime})
