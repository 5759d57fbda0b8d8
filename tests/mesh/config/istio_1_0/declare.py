"""Policies of Istio 1.0, written down by hand."""

from __future__ import annotations

from typing import Any

from lab.mesh.config.istio_1_0.authentication_policy import KEY, MESH_KEY
from tests.mesh.cluster import Cluster, when
from tests.mesh.issuer import ISSUER

MTLS: dict[str, Any] = {"mtls": {}}
PERMISSIVE: dict[str, Any] = {"mtls": {"mode": "PERMISSIVE"}}
KEYS_AT = "http://issuer/keys"


def policy(namespace: str, spec: dict[str, Any], name: str = "default", second: int = 0) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace, "creationTimestamp": when(second)}
    return {"metadata": metadata, "spec": spec}


def mesh_policy(spec: dict[str, Any], name: str = "default") -> dict[str, Any]:
    return {"metadata": {"name": name, "creationTimestamp": when(0)}, "spec": spec}


def put_policy(cluster: Cluster, namespace: str, spec: dict[str, Any], name: str = "default") -> None:
    cluster.store.put(KEY, policy(namespace, spec, name))


def put_mesh_policy(cluster: Cluster, *peers: dict[str, Any], **spec: Any) -> None:
    cluster.store.put(MESH_KEY, mesh_policy({"peers": list(peers), **spec}))


def put_rule(cluster: Cluster, host: str, mode: str | None, namespace: str = "default", **more: Any) -> None:
    """A DestinationRule, named after its host; without a mode it has a policy that says nothing of TLS."""
    policy = {"loadBalancer": {"simple": "RANDOM"}} if mode is None else {"tls": {"mode": mode}}
    name = host.replace("*", "all").replace(".", "-")
    cluster.rule(namespace, {"host": host, "trafficPolicy": {**policy, **more}}, name=name)


def origin(issuer: str = ISSUER, **jwt: Any) -> dict[str, Any]:
    """Who believes the tokens of an issuer whose keys are at a place of its own."""
    return {"jwt": {"issuer": issuer, "jwksUri": f"{KEYS_AT}/{issuer}", **jwt}}


def to(service: str, *ports: dict[str, Any], **spec: Any) -> dict[str, Any]:
    """The spec of a policy for a service."""
    target = {"name": service, "ports": list(ports)} if ports else {"name": service}
    return {"targets": [target], **spec}
