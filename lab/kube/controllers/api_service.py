"""The Service `kubernetes` in `default`: how pods find the API server."""

from __future__ import annotations

from lab.kube.client import Client
from lab.kube.cluster import API_SERVER_IP
from lab.kube.group_resources import ENDPOINT_SLICES, ENDPOINTS, SERVICES
from lab.kube.objects import Object

MANAGER = "kube-apiserver"
NAME, NAMESPACE = "kubernetes", "default"
LABELS = {"component": "apiserver", "provider": "kubernetes"}


def publish(objects: Client, address: str, port: int, cluster_ip: str = API_SERVER_IP) -> None:
    """Writes the Service `kubernetes` with its Endpoints and EndpointSlice. Once, at start-up."""
    metadata: Object = {"name": NAME, "namespace": NAMESPACE}
    service: Object = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {**metadata, "labels": LABELS},
        "spec": {
            "clusterIP": cluster_ip,
            "clusterIPs": [cluster_ip],
            "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": port}],
            "type": "ClusterIP",
        },
    }
    ports = [{"name": "https", "port": port, "protocol": "TCP"}]
    endpoints: Object = {
        "apiVersion": "v1",
        "kind": "Endpoints",
        "metadata": {**metadata, "labels": {"endpointslice.kubernetes.io/skip-mirror": "true"}},
        "subsets": [{"addresses": [{"ip": address}], "ports": ports}],
    }
    endpoint_slice: Object = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {**metadata, "labels": {"kubernetes.io/service-name": NAME}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
        "ports": ports,
    }
    objects.create(SERVICES, service, manager=MANAGER)
    objects.create(ENDPOINTS, endpoints, manager=MANAGER)
    objects.create(ENDPOINT_SLICES, endpoint_slice, manager=MANAGER)
