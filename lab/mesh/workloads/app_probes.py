"""Probe rewriting: a sidecar's port 15020 answers the kubelet, and makes the probes that the pod asked for.

The kubelet has no certificate, so that STRICT would refuse its probes of the application. What is rewritten,
and how, is as Istio's injector does (pkg/kube/inject/app_probe.go).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import orjson

from lab.kube.client import Object
from lab.mesh.model.ports import AGENT

ANNOTATION = "sidecar.istio.io/rewriteAppHTTPProbers"
VARIABLE = "ISTIO_KUBE_APP_PROBERS"

# As Go's strconv.ParseBool reads them.
NO = ("0", "f", "F", "false", "False", "FALSE")

PROBES = {"readinessProbe": "readyz", "livenessProbe": "livez", "startupProbe": "startupz"}
HOOKS = {"preStop": "prestopz", "postStart": "poststartz"}
KINDS = ("httpGet", "tcpSocket", "grpc")


def are_rewritten(annotations: Mapping[str, str]) -> bool:
    """Whether probes are rewritten, which is the default: only "false" turns it off."""
    return annotations.get(ANNOTATION) not in NO


def rewrite(spec: Object) -> str:
    """Redirects a pod's probes to the sidecar. Returns the original ones, as JSON, by path."""
    probers: Object = {}
    for container in (*(spec.get("initContainers") or ()), *spec["containers"]):
        ports = {
            port["name"]: port["containerPort"] for port in container.get("ports") or () if "name" in port
        }
        for holder, field, path in _handlers(container):
            if (prober := _prober(holder[field], ports)) is not None:
                probers[path] = prober
            holder[field] = _rewritten(holder[field], path)
    return orjson.dumps(probers, option=orjson.OPT_SORT_KEYS).decode() if probers else ""


def _handlers(container: Object) -> Iterator[tuple[Object, str, str]]:
    """The probes and hooks of a container that ask a port: the object, its field, its path at `AGENT`."""
    places = [(container, field, f"/app-health/{container['name']}/{name}") for field, name in PROBES.items()]
    hooks = container.get("lifecycle") or {}
    places += [(hooks, field, f"/app-lifecycle/{container['name']}/{name}") for field, name in HOOKS.items()]
    for holder, field, path in places:
        if any(kind in (holder.get(field) or {}) for kind in KINDS):
            yield holder, field, path


def _prober(handler: Object, ports: Mapping[str, int]) -> Object | None:
    """What the sidecar has to know; None where the container has no port of that name."""
    kind = next(kind for kind in KINDS if kind in handler)
    action = handler[kind]
    if isinstance(action["port"], str):
        if action["port"] not in ports:
            return None
        action = {**action, "port": ports[action["port"]]}
    timeout = {"timeoutSeconds": handler["timeoutSeconds"]} if "timeoutSeconds" in handler else {}
    return {kind: action, **timeout}


def _rewritten(handler: Object, path: str) -> Object:
    kept = {field: value for field, value in handler.items() if field not in KINDS}
    action = {**handler.get("httpGet", {}), "path": path, "port": AGENT, "scheme": "HTTP"}
    return {**kept, "httpGet": action}
