"""The classic ingress gateway, as Istio's default profile installs it into the root namespace."""

from __future__ import annotations

from collections.abc import Iterator

from lab.kube.client import DEPLOYMENTS, SERVICE_ACCOUNTS, SERVICES, GroupResource, Object
from lab.mesh.model import ports
from lab.mesh.workloads import gateway_pods

NAME = "istio-ingressgateway"
SERVICE_ACCOUNT = "istio-ingressgateway-service-account"
LABELS = {"app": "istio-ingressgateway", "istio": "ingressgateway"}

HTTP_PORT = 8080
HTTPS_PORT = 8443


def objects(namespace: str) -> Iterator[tuple[GroupResource, Object]]:
    """What has to be created, in that order."""
    metadata = {"name": NAME, "namespace": namespace, "labels": dict(LABELS)}
    account = metadata | {"name": SERVICE_ACCOUNT}
    yield (
        SERVICE_ACCOUNTS,
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account},
    )
    yield (
        DEPLOYMENTS,
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": _deployment()},
    )
    yield (
        SERVICES,
        {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": _service()},
    )


def _deployment() -> Object:
    return {
        "replicas": 1,
        "selector": {"matchLabels": dict(LABELS)},
        "template": {
            "metadata": {
                "labels": {
                    **LABELS,
                    "service.istio.io/canonical-name": NAME,
                    "service.istio.io/canonical-revision": "latest",
                    "sidecar.istio.io/inject": "false",
                }
            },
            "spec": {
                "serviceAccountName": SERVICE_ACCOUNT,
                "containers": [gateway_pods.container((HTTP_PORT, HTTPS_PORT))],
            },
        },
    }


def _service() -> Object:
    return {
        "type": "LoadBalancer",
        "selector": dict(LABELS),
        "ports": [
            {"name": "status-port", "port": ports.STATUS, "targetPort": ports.STATUS},
            {"name": "http2", "port": 80, "targetPort": HTTP_PORT},
            {"name": "https", "port": 443, "targetPort": HTTPS_PORT},
        ],
    }
