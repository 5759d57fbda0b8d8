"""The objects that a gateway needs: a ServiceAccount, a Deployment and a Service, owned by it."""

from __future__ import annotations

from collections.abc import Iterator

from lab.kube.client import DEPLOYMENTS, SERVICE_ACCOUNTS, SERVICES, GroupResource, Json, Object
from lab.mesh.config.gateway_api.gateways import (
    CLASS_LABEL,
    GROUP,
    MANAGED,
    MANAGED_LABEL,
    NAME_LABEL,
    NAME_OVERRIDE,
    SERVICE_ACCOUNT,
    Gateway,
)
from lab.mesh.model.ports import STATUS
from lab.mesh.workloads import gateway_pods

KEYS = (SERVICE_ACCOUNTS, DEPLOYMENTS, SERVICES)

# These say something to the controller or to kubectl, and nothing about what is made.
_NOT_INHERITED = frozenset(
    {
        NAME_OVERRIDE,
        SERVICE_ACCOUNT,
        "gateway.istio.io/controller-version",
        "kubectl.kubernetes.io/last-applied-configuration",
    }
)


def objects(gateway: Gateway) -> Iterator[tuple[GroupResource, Object]]:
    """The objects, in the order of their creation."""
    if not gateway.provisioned:
        return
    account = _metadata(gateway, gateway.service_account)
    yield SERVICE_ACCOUNTS, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account}
    metadata = _metadata(gateway, gateway.resource_name)
    spec = _deployment(gateway)
    yield (
        DEPLOYMENTS,
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec},
    )
    yield (
        SERVICES,
        {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": _service(gateway)},
    )


def is_managed(obj: Object) -> bool:
    """Whether this mesh has created an object for a gateway, and may change it."""
    return (obj["metadata"].get("labels") or {}).get(MANAGED_LABEL) == MANAGED


def covers(present: Json, wanted: Json) -> bool:
    """Whether an object has all wanted fields; defaults and additions of others do not matter."""
    if isinstance(wanted, dict):
        return isinstance(present, dict) and all(
            key in present and covers(present[key], value) for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            isinstance(present, list)
            and len(present) == len(wanted)
            and all(covers(*pair) for pair in zip(present, wanted, strict=True))
        )
    return bool(present == wanted)


def overlaid(present: Object, wanted: Object) -> Object:
    """What is there, changed to what is wanted; lists of another length are replaced as a whole."""
    return present | {name: _overlaid(present.get(name), value) for name, value in wanted.items()}


def _overlaid(present: Json, wanted: Json) -> Json:
    if isinstance(wanted, dict) and isinstance(present, dict):
        return overlaid(present, wanted)
    if isinstance(wanted, list) and isinstance(present, list) and len(present) == len(wanted):
        return [_overlaid(*pair) for pair in zip(present, wanted, strict=True)]
    return wanted


def _metadata(gateway: Gateway, name: str) -> Object:
    inherited = {
        key: value for key, value in gateway.inherited_annotations.items() if key not in _NOT_INHERITED
    }
    return {
        "name": name,
        "namespace": gateway.namespace,
        "labels": _labels(gateway),
        **({"annotations": inherited} if inherited else {}),
        "ownerReferences": [
            {
                "apiVersion": f"{GROUP}/v1",
                "kind": "Gateway",
                "name": gateway.name,
                "uid": gateway.uid,
            }
        ],
    }


def _labels(gateway: Gateway) -> dict[str, str]:
    return {
        **gateway.inherited_labels,
        NAME_LABEL: gateway.name,
        CLASS_LABEL: gateway.class_name,
        MANAGED_LABEL: MANAGED,
    }


def _deployment(gateway: Gateway) -> Object:
    labels = {
        **_labels(gateway),
        "service.istio.io/canonical-name": gateway.resource_name,
        "service.istio.io/canonical-revision": "latest",
        "sidecar.istio.io/inject": "false",
    }
    return {
        "selector": {"matchLabels": {NAME_LABEL: gateway.name}},
        "template": {
            "metadata": {"labels": labels},
            "spec": {
                "serviceAccountName": gateway.service_account,
                "containers": [gateway_pods.container()],
            },
        },
    }


def _service(gateway: Gateway) -> Object:
    ports = {STATUS: _port("status-port", STATUS, "tcp")}
    for listener in gateway.listeners:
        name = listener.name.replace(".", "-")[:63].strip("-")
        ports.setdefault(listener.port, _port(name, listener.port, listener.protocol.lower()))
    return {
        "type": gateway.service_type,
        "ipFamilyPolicy": "PreferDualStack",
        "selector": {NAME_LABEL: gateway.name},
        "ports": list(ports.values()),
        **({"loadBalancerIP": gateway.addresses[0][1]} if gateway.addresses else {}),
    }


def _port(name: str, number: int, protocol: str) -> Object:
    return {
        "name": name,
        "port": number,
        "targetPort": number,
        "protocol": "TCP",
        "appProtocol": protocol,
    }
