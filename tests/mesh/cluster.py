"""A cluster written down by hand: what the mesh reads, without an API server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lab.kube.client import ENDPOINT_SLICES, PODS, SERVICES, GroupResource, Object, Store

PEER = GroupResource("security.istio.io", "peerauthentications")
RULES = GroupResource("networking.istio.io", "destinationrules")
TOKENS = GroupResource("security.istio.io", "requestauthentications")
ACCESS = GroupResource("security.istio.io", "authorizationpolicies")


def when(second: int) -> str:
    return f"2024-05-01T00:00:{second:02d}Z"


@dataclass
class Cluster:
    store: Store = field(default_factory=Store)
    uid_prefix: str = "uid-"

    def pod(
        self,
        name: str,
        namespace: str,
        address: str,
        *,
        app: str = "httpbin",
        sidecar: bool = True,
        labels: Mapping[str, str] | None = None,
        account: str = "httpbin",
        ports: Sequence[Mapping[str, Any]] = (),
    ) -> Object:
        mesh_labels = {"security.istio.io/tlsMode": "istio"} if sidecar else {}
        return self.store.put(
            PODS,
            {
                "metadata": {
                    "name": name,
                    "namespace": namespace,
                    "uid": f"{self.uid_prefix}{name}-{namespace}",
                    "labels": {"app": app, **mesh_labels, **(labels or {})},
                    "annotations": {"sidecar.istio.io/status": "{}"} if sidecar else {},
                },
                "spec": {
                    "serviceAccountName": account,
                    "containers": [{"name": "app", "ports": list(ports)}],
                },
                "status": {"phase": "Running", "podIP": address},
            },
        )

    def service(
        self,
        name: str,
        namespace: str,
        cluster_ip: str,
        ports: Sequence[Mapping[str, Any]],
        endpoints: Sequence[str] = (),
        *,
        selector: Mapping[str, str] | None = None,
        created: str = when(0),
    ) -> None:
        """Also its EndpointSlice, with every target port taken as a number."""
        metadata = {"name": name, "namespace": namespace, "creationTimestamp": created}
        spec = {
            "clusterIP": cluster_ip,
            "ports": [dict(port) for port in ports],
            "selector": {"app": name} if selector is None else dict(selector),
        }
        self.store.put(SERVICES, {"metadata": metadata, "spec": spec})
        self.store.put(
            ENDPOINT_SLICES,
            {
                "metadata": {
                    "name": f"{name}-x",
                    "namespace": namespace,
                    "labels": {"kubernetes.io/service-name": name},
                },
                "endpoints": [
                    {"addresses": [address], "conditions": {"ready": True}} for address in endpoints
                ],
                "ports": [
                    {"name": port.get("name", ""), "port": port["targetPort"], "protocol": "TCP"}
                    for port in ports
                ],
            },
        )

    def peer(self, namespace: str, spec: Object, name: str = "default", second: int = 0) -> None:
        self.store.put(PEER, _policy(namespace, name, second, spec))

    def clear_policies(self) -> None:
        """Whatever is neither a pod nor a Service with its endpoints."""
        for key in set(self.store.keys()) - {PODS, SERVICES, ENDPOINT_SLICES}:
            for policy in self.store.list(key):
                metadata = policy["metadata"]
                self.store.remove(key, metadata.get("namespace", ""), metadata["name"])

    def rule(self, namespace: str, spec: Object, name: str = "default", second: int = 0) -> None:
        self.store.put(RULES, _policy(namespace, name, second, spec))

    def tokens(
        self, namespace: str, *rules: Object, name: str = "tokens", second: int = 0, **spec: Any
    ) -> None:
        """A RequestAuthentication."""
        spec = {"jwtRules": list(rules), **spec}
        self.store.put(TOKENS, _policy(namespace, name, second, spec))

    def access(
        self,
        namespace: str,
        action: str,
        *rules: Object,
        name: str = "access",
        second: int = 0,
        annotations: Mapping[str, str] | None = None,
        **spec: Any,
    ) -> None:
        """An AuthorizationPolicy."""
        policy = _policy(namespace, name, second, {"action": action, "rules": list(rules), **spec})
        policy["metadata"]["annotations"] = dict(annotations or {})
        self.store.put(ACCESS, policy)


def _policy(namespace: str, name: str, second: int, spec: Object) -> Object:
    metadata = {"name": name, "namespace": namespace, "creationTimestamp": when(second)}
    return {"metadata": metadata, "spec": spec}


def playground() -> Cluster:
    """foo and bar in the mesh, legacy outside it; and the Kubernetes API."""
    cluster = Cluster()
    for number, namespace in enumerate(("foo", "bar", "legacy"), start=1):
        sidecar = namespace != "legacy"
        server = f"10.244.0.1{number}"
        cluster.pod("httpbin", namespace, server, sidecar=sidecar)
        cluster.pod("sleep", namespace, f"10.244.0.2{number}", app="sleep", sidecar=sidecar, account="sleep")
        http = [{"name": "http", "port": 8000, "targetPort": 8080}]
        cluster.service("httpbin", namespace, f"10.96.0.1{number}", http, [server])
        cluster.service(
            "sleep", namespace, f"10.96.0.2{number}", [{"name": "http", "port": 80, "targetPort": 80}]
        )
    api = [{"name": "https", "port": 443, "targetPort": 6443}]
    cluster.service("kubernetes", "default", "10.96.0.1", api, ["10.244.0.1"], selector={})
    return cluster
