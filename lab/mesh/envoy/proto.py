"""Building blocks of Envoy resources: typed messages, addresses, ports."""

from __future__ import annotations

from typing import Any

Message = dict[str, Any]
"""An Envoy message in proto3 JSON."""

MARK = 0x539
"""SO_MARK of everything that the proxy itself sends: the capture rules let it through."""

INBOUND_SOURCE = "127.0.0.6"
"""Where the application sees its requests come from: the capture rules let it through, too."""

MESH_ALPN = ("istio-peer-exchange", "istio", "istio-http/1.0", "istio-http/1.1", "istio-h2")
"""By these, a server distinguishes mutual TLS of the mesh from any other TLS."""

MESH_HTTP_ALPN = ("istio-http/1.0", "istio-http/1.1", "istio-h2")
"""Those that also indicate HTTP."""

PLAIN_HTTP = ("http/1.0", "http/1.1", "h2c")
"""What the HTTP inspector reports."""

_LISTENER_FILTER = "envoy.extensions.filters.listener"


def typed(type_name: str, **fields: object) -> Message:
    """A message packed into an Any."""
    return {"@type": f"type.googleapis.com/{type_name}", **fields}


def extension(name: str, type_name: str, **fields: object) -> Message:
    """An extension with its configuration."""
    return {"name": name, "typed_config": typed(type_name, **fields)}


def address(host: str, port: int) -> Message:
    return {"socket_address": {"address": host, "port_value": port}}


def file_source(path: str) -> Message:
    """A resource that is read from a file, and again whenever another file is renamed onto it."""
    return {"path_config_source": {"path": path}, "resource_api_version": "V3"}


def original_dst() -> Message:
    return extension("envoy.filters.listener.original_dst", f"{_LISTENER_FILTER}.original_dst.v3.OriginalDst")


def tls_inspector() -> Message:
    return extension(
        "envoy.filters.listener.tls_inspector", f"{_LISTENER_FILTER}.tls_inspector.v3.TlsInspector"
    )


def http_inspector() -> Message:
    return extension(
        "envoy.filters.listener.http_inspector", f"{_LISTENER_FILTER}.http_inspector.v3.HttpInspector"
    )
