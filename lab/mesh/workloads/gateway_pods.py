"""Pods that are gateways: a proxy alone, without capture and without an application.

Such a pod is recognized by its container, as Istio's: named `istio-proxy`, with the arguments `proxy router`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lab.kube.client import Object, clone
from lab.mesh.envoy.bootstrap import ADMIN_SOCKET
from lab.mesh.model.ports import METRICS, STATUS
from lab.mesh.workloads.injection import PROXY_CONTAINER, PROXY_IMAGE

ARGUMENTS = ("proxy", "router")


def is_gateway(pod: Object) -> bool:
    return any(_is_router(container) for container in pod["spec"].get("containers") or ())


def container(ports: Sequence[int] = ()) -> Object:
    """The container of a gateway, for the template of a Deployment; `ports` are for information only."""
    numbers = (*ports, STATUS)
    return {
        "name": PROXY_CONTAINER,
        "image": PROXY_IMAGE,
        "args": list(ARGUMENTS),
        "ports": [
            *({"containerPort": number, "protocol": "TCP"} for number in numbers),
            {"name": "http-envoy-prom", "containerPort": METRICS, "protocol": "TCP"},
        ],
    }


def configure(pod: Object, bootstrap: Path) -> Object:
    """A copy of a gateway's pod whose proxy starts from this bootstrap."""
    pod = clone(pod)
    for each in pod["spec"]["containers"]:
        if _is_router(each):
            each["args"] = [*ARGUMENTS, "--config", str(bootstrap)]
            kept = [entry for entry in each.get("env") or () if entry["name"] != "ENVOY_ADMIN_SOCKET"]
            socket = {"name": "ENVOY_ADMIN_SOCKET", "value": str(bootstrap.with_name(ADMIN_SOCKET))}
            each["env"] = [*kept, socket]
    return pod


def _is_router(each: Object) -> bool:
    return each.get("name") == PROXY_CONTAINER and tuple(each.get("args") or ())[:2] == ARGUMENTS
