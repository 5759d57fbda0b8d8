"""Inlining of resources into those that refer to them, so that a proxy has fewer files to watch.

For each file that it watches, Envoy takes an inotify instance, of which the kernel gives a user 128. So
routes go into their listeners, and the mesh's root, which never changes, into every TLS context. The
workload's certificate stays a file of its own: it is replaced while connections go on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.mesh.envoy.proto import Message


def inlined(message: Any, routes: Mapping[str, Message], authorities: Mapping[str, Message]) -> Any:
    """A message with these route configurations and certificate authorities inlined."""
    if isinstance(message, list):
        return [inlined(item, routes, authorities) for item in message]
    if not isinstance(message, dict):
        return message
    fields = {name: inlined(value, routes, authorities) for name, value in message.items()}
    if "rds" in fields:
        fields["route_config"] = routes[fields.pop("rds")["route_config_name"]]
    context = fields.get("combined_validation_context")
    if context and (secret := authorities.get(context["validation_context_sds_secret_config"]["name"])):
        del fields["combined_validation_context"]
        fields["validation_context"] = context["default_validation_context"] | secret["validation_context"]
    return fields
