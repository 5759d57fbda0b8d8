"""The bootstrap of a proxy: its name, its admin socket, and the files with its resources."""

from __future__ import annotations

from pathlib import Path

from lab.mesh.envoy import tls
from lab.mesh.envoy.expressions import LARGEST_PROGRAM
from lab.mesh.envoy.proto import Message, extension, file_source

FILE = "bootstrap.json"
CLUSTERS_FILE = "cds.json"
LISTENERS_FILE = "lds.json"
ADMIN_SOCKET = "admin.sock"

MOST_CONNECTIONS = 10_000

RUNTIME: Message = {
    "re2.max_program_size.error_level": LARGEST_PROGRAM,
    # A path with a fragment is served, without it.
    "envoy.reloadable_features.http_reject_path_with_fragment": False,
    "envoy.reloadable_features.fixed_heap_use_allocated": True,
    "envoy.reloadable_features.coalesce_lb_rebuilds_on_batch_update": False,
}
"""The values in Istio's bootstrap (pkg/bootstrap/config.go of 1.31), except for an unused one."""


def build(role: str, name: str, namespace: str, folder: Path) -> Message:
    """The bootstrap of one proxy, a `sidecar` or a `router`.

    The admin socket is for the user who runs the lab, and nobody else.
    """
    return {
        "node": {"id": f"{role}~{name}.{namespace}", "cluster": f"{name}.{namespace}"},
        "admin": {"address": {"pipe": {"path": str(folder / ADMIN_SOCKET), "mode": 0o600}}},
        "static_resources": {"clusters": [_watches_the_certificate(folder)]},
        "dynamic_resources": {
            "cds_config": file_source(str(folder / CLUSTERS_FILE)),
            "lds_config": file_source(str(folder / LISTENERS_FILE)),
        },
        "layered_runtime": {
            "layers": [
                {"name": "global config", "static_layer": RUNTIME},
                {"name": "admin", "admin_layer": {}},
            ]
        },
        "stats_config": {"stats_tags": []},
        "overload_manager": {
            "resource_monitors": [
                extension(
                    "envoy.resource_monitors.global_downstream_max_connections",
                    "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
                    max_active_downstream_connections=MOST_CONNECTIONS,
                )
            ]
        },
    }


def _watches_the_certificate(folder: Path) -> Message:
    """A cluster without endpoints, for which the proxy watches the file with its certificate all the time.

    Otherwise it would take an inotify instance for that with the first policy that demands mutual TLS. Envoy
    ends if there is none then, since other labs have taken what this one gave back.
    """
    return {
        "name": "own-certificate",
        "type": "STATIC",
        "load_assignment": {"cluster_name": "own-certificate"},
        "transport_socket": tls.own_certificate(folder),
    }
