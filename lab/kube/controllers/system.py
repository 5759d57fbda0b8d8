"""What every cluster has from its first moment: its namespaces, and the Service that leads to the API."""

from __future__ import annotations

from lab.kube.store import Key, Object, Objects

NAMESPACES = Key("", "namespaces")
SERVICES = Key("", "services")
ENDPOINTS = Key("", "endpoints")
SLICES = Key("discovery.k8s.io", "endpointslices")
MANAGER = "kube-apiserver"
SYSTEM_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
NAME, NAMESPACE = "kubernetes", "default"
LABELS = {"component": "apiserver", "provider": "kubernetes"}


def make_namespaces(objects: Objects) -> None:
    """Creates those of the system's namespaces that do not exist yet."""
    for name in SYSTEM_NAMESPACES:
        if objects.store.get(NAMESPACES, "", name) is None:
            namespace: Object = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            objects.create(NAMESPACES, namespace, manager=MANAGER)


def publish_api(objects: Objects, address: str, port: int, cluster_ip: str = "10.96.0.1") -> None:
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
    objects.create(SLICES, endpoint_slice, manager=MANAGER)
