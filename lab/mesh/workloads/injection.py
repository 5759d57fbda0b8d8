"""Sidecar injection: which pods join the mesh, and what is added to them.

The decision is that of Istio's webhooks, by the labels of the namespace (`istio-injection`, else
`istio.io/rev`) and, where it has none of these, those of the pod (`istio.io/rev`, else
`sidecar.istio.io/inject`). A pod that Istio would be asked about can still say no, and a pod in the host's
network is never injected into: its capture would catch the whole node.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import orjson

from lab.kube.client import Object, clone
from lab.mesh.envoy.bootstrap import ADMIN_SOCKET
from lab.mesh.model.ports import INBOUND, METRICS
from lab.mesh.workloads import app_probes, interception, revisions

INJECT = "sidecar.istio.io/inject"
NAMESPACE_LABEL = "istio-injection"
STATUS_ANNOTATION = "sidecar.istio.io/status"
TLS_MODE_LABEL = "security.istio.io/tlsMode"
CANONICAL_NAME_LABEL = "service.istio.io/canonical-name"
CANONICAL_REVISION_LABEL = "service.istio.io/canonical-revision"

INIT_CONTAINER = "istio-init"
PROXY_CONTAINER = "istio-proxy"
CAPTURE_IMAGE = "reference-mesh/capture"
PROXY_IMAGE = "reference-mesh/proxy"

DEFAULT_CONTAINER = (
    "kubectl.kubernetes.io/default-container",
    "kubectl.kubernetes.io/default-logs-container",
)
"""Annotations for kubectl: the container for `exec` and `logs` without `-c`."""

NEVER_IN = frozenset({"kube-system", "kube-public", "kube-node-lease", "local-path-storage"})


def injector(pod: Object, namespace: Object | None) -> str | None:
    """The webhook that gives this pod its sidecar; None: it does not join the mesh."""
    metadata = pod["metadata"]
    if pod["spec"].get("hostNetwork") or metadata.get("namespace") in NEVER_IN:
        return None
    labels = _labels(pod)
    # The annotation counts where there is no label. Whatever is neither true nor false says nothing.
    if INJECT not in labels and (metadata.get("annotations") or {}).get(INJECT) == "false":
        return None
    return _asked(labels, _labels(namespace) if namespace else {})


def _asked(pod: Mapping[str, str], namespace: Mapping[str, str]) -> str | None:
    """Which of the four webhooks of `istio-revision-tag-default` selects a pod with these labels, if any."""
    if pod.get(INJECT) == "false":
        return None
    if NAMESPACE_LABEL in namespace:
        name, asked = "namespace", namespace[NAMESPACE_LABEL] == "enabled"
    elif revisions.LABEL in namespace:
        name, asked = "rev.namespace", namespace[revisions.LABEL] == revisions.REVISION
    elif revisions.LABEL in pod:
        name, asked = "rev.object", pod[revisions.LABEL] == revisions.REVISION
    else:
        name, asked = "object", pod.get(INJECT) == "true"
    return f"{name}.sidecar-injector.istio.io" if asked else None


def is_injected(pod: Object) -> bool:
    return STATUS_ANNOTATION in (pod["metadata"].get("annotations") or {}) or any(
        container.get("name") == PROXY_CONTAINER
        for containers in ("initContainers", "containers")
        for container in pod["spec"].get(containers) or ()
    )


def inject(pod: Object, bootstrap: Path, webhook: str) -> Object:
    """A copy of the pod with `istio-init` and `istio-proxy`; `bootstrap` is the file the proxy starts from.

    A pod that already has a sidecar is returned unchanged. Raises Denied, in the name of `webhook`, for
    invalid annotations.
    """
    if is_injected(pod):
        return pod
    interception.refuse_misread(pod["metadata"].get("annotations") or {}, webhook)
    pod = clone(pod)
    metadata, spec = pod["metadata"], pod["spec"]
    labels = metadata.setdefault("labels", {})
    labels.setdefault(TLS_MODE_LABEL, "istio")
    labels.setdefault(CANONICAL_NAME_LABEL, canonical_name(pod))
    labels.setdefault(
        CANONICAL_REVISION_LABEL,
        labels.get("app.kubernetes.io/version") or labels.get("version") or "latest",
    )
    status = {"initContainers": [INIT_CONTAINER, PROXY_CONTAINER], "revision": revisions.REVISION}
    annotations = metadata.setdefault("annotations", {})
    annotations[STATUS_ANNOTATION] = orjson.dumps(status).decode()
    annotations[revisions.LABEL] = revisions.REVISION
    for annotation in DEFAULT_CONTAINER:
        annotations.setdefault(annotation, spec["containers"][0]["name"])
    probers = app_probes.rewrite(spec) if app_probes.are_rewritten(annotations) else ""
    capture = _container(INIT_CONTAINER, CAPTURE_IMAGE) | {"args": interception.arguments(annotations)}
    own = spec.get("initContainers") or []
    spec["initContainers"] = [capture, _proxy(bootstrap, probers, waited_for=bool(own)), *own]
    return pod


def _proxy(bootstrap: Path, probers: str, waited_for: bool) -> Object:
    """The proxy as a native sidecar: it stops after the application, whose last responses it still delivers.

    `waited_for`: init containers after it start only once the proxy accepts connections.
    """
    proxy = _container(PROXY_CONTAINER, PROXY_IMAGE) | {
        "restartPolicy": "Always",
        "args": ["--config", str(bootstrap)],
        # For whoever looks into a proxy: `curl --unix-socket "$ENVOY_ADMIN_SOCKET" http://envoy/stats`.
        "env": [
            {"name": "ENVOY_ADMIN_SOCKET", "value": str(bootstrap.with_name(ADMIN_SOCKET))},
            *([{"name": app_probes.VARIABLE, "value": probers}] if probers else ()),
        ],
        "ports": [{"name": "http-envoy-prom", "containerPort": METRICS, "protocol": "TCP"}],
    }
    if waited_for:
        proxy["startupProbe"] = {"tcpSocket": {"port": INBOUND}, "periodSeconds": 1, "failureThreshold": 600}
    return proxy


def canonical_name(pod: Object) -> str:
    """The canonical service name of a pod, as Istio derives it."""
    labels = _labels(pod)
    for label in ("app.kubernetes.io/name", "app"):
        if labels.get(label):
            return labels[label]
    metadata = pod["metadata"]
    name: str = metadata.get("name") or metadata.get("generateName", "").rstrip("-")
    for owner in metadata.get("ownerReferences") or ():
        if owner.get("controller"):
            name = owner["name"]
    suffix = labels.get("pod-template-hash")
    return re.sub(f"-{re.escape(suffix)}$", "", name) if suffix else name


def _container(name: str, image: str) -> Object:
    return {
        "name": name,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "resources": {},
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
    }


def _labels(obj: Object) -> dict[str, str]:
    return obj["metadata"].get("labels") or {}
