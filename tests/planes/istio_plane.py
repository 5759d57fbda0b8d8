"""Pods with real sidecars of real Istio: the plane of tests/mesh/plane.py, spoken to in the same way.

A cluster is declared as for the reference, and ``settle`` brings the API server and every proxy to it.
Addresses are the same as well: the lab gives them to pods in their order, and those in between are taken by
pods that nobody needs.
"""

from __future__ import annotations

import ipaddress
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from lab.kube.client import PODS, SERVICE_ACCOUNTS, GroupResource, Object
from tests.mesh.cluster import Cluster
from tests.planes.differences import Kind
from tests.planes.istio_lab import IstioLab
from tests.planes.pods import InPod
from tests.planes.written import Written

APPLICATION = Path(__file__).parents[1] / "mesh" / "application.py"
IMAGE = "curlimages/curl"
OTHERS = {"bar", "baz"}
"""Namespaces in which there are no pods, but policies."""
PATIENCE = 30
FILTERS = GroupResource("networking.istio.io", "envoyfilters")
TLS_MODE = "security.istio.io/tlsMode"
ADMIN = "http://127.0.0.1:15000"
CERTIFICATES = "/etc/istio/proxy"

# A client's sidecar keeps connections, also such as are older than a change. So it keeps none.
ONE_REQUEST_A_CONNECTION = {
    "metadata": {"name": "one-request-a-connection", "namespace": "istio-system"},
    "spec": {
        "configPatches": [
            {
                "applyTo": "NETWORK_FILTER",
                "match": {
                    "context": "SIDECAR_INBOUND",
                    "listener": {
                        "filterChain": {"filter": {"name": "envoy.filters.network.http_connection_manager"}}
                    },
                },
                "patch": {
                    "operation": "MERGE",
                    "value": {
                        "typed_config": {
                            "@type": "type.googleapis.com/envoy.extensions.filters.network."
                            "http_connection_manager.v3.HttpConnectionManager",
                            "common_http_protocol_options": {"max_requests_per_connection": 1},
                        }
                    },
                },
            }
        ]
    },
}


@dataclass
class IstioPlane:
    lab: IstioLab
    cluster: Cluster
    folder: Path
    written: Written
    pods: dict[str, InPod] = field(default_factory=dict)
    proxied: list[str] = field(default_factory=list)
    """The pods that have a sidecar."""
    kind: Kind = "istio"
    from_outside: str = ""
    """The pod without a sidecar from which the ingress gateway is asked, if it is."""
    _cleared: bool = False

    @property
    def mesh(self) -> IstioPlane:
        return self

    def reconcile(self) -> None:
        """Writes what the cluster says now; istiod knows of it when this returns."""
        self._cleared = False
        with self.lab.istiod.follows(answered=False) as events:
            self.written.bring(events)

    def settle(self) -> None:
        """Writes what the cluster says now, and waits until each proxy serves by it."""
        self._cleared = False
        if not self.written.pending():
            return
        with self.lab.istiod.follows() as events:
            self.written.bring(events)
        for pod in self.proxied:
            self._wait_until_warm(self.pods[pod])
        if self.from_outside:
            statistics = f"http://{self.ingress}:15090/stats/prometheus"
            self._wait_until_warm(self.pods[self.from_outside], statistics)

    def after_a_test(self) -> None:
        """What is left is taken away together with what the next test writes, or before it asks."""
        self._cleared = True

    def dial(self, pod: str, dials: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        if self._cleared:
            self.settle()
        return self.pods[pod].dial(dials)

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, f"in vain: {what}"
            time.sleep(0.02)

    def clusters(self, pod: str) -> dict[str, Any]:
        """The clusters that the pod's proxy uses, by name, as Envoy tells them."""
        dump = json.loads(self.pods[pod].get(f"{ADMIN}/config_dump?resource=dynamic_active_clusters"))
        return {each["cluster"]["name"]: each["cluster"] for each in dump["configs"]}

    def pem(self, uid: str) -> Path:
        """The certificate and key of a workload in one file, as a client takes them."""
        path = self.folder / f"{uid}.pem"
        if not path.exists():
            _, pod, namespace = uid.split("-")
            files = [f"{CERTIFICATES}/{name}.pem" for name in ("key", "cert-chain")]
            where = ["-n", namespace, pod, "-c", "istio-proxy"]
            path.write_text(self.lab.kubectl("exec", *where, "--", "cat", *files))
        return path

    def _wait_until_warm(self, pod: InPod, url: str = f"{ADMIN}/stats?filter=warming") -> None:
        """Until there are no listeners and clusters that the proxy has accepted, but does not use yet."""

        def warm() -> bool:
            counts = [line for line in pod.get(url).splitlines() if "warming" in line and line[0] != "#"]
            return bool(counts) and all(line.endswith(" 0") for line in counts)

        self.wait_until(warm, f"{url} has nothing left to warm")

    @cached_property
    def ingress(self) -> str:
        """The address of the ingress gateway's pod."""
        [pod] = [
            pod
            for pod in self.lab.api.list(PODS, "istio-system")
            if pod["metadata"]["labels"].get("istio") == "ingressgateway"
        ]
        return str(pod["status"]["podIP"])


@contextmanager
def running(
    lab: IstioLab, cluster: Cluster, folder: Path, applications: Mapping[str, Sequence[int]]
) -> Iterator[IstioPlane]:
    """The pods and Services of the cluster, with applications on these ports (a pod's name to its ports).

    Everything in their namespaces ends with the block.
    """
    store = cluster.store
    declared = sorted(store.list(PODS), key=lambda pod: ipaddress.ip_address(pod["status"]["podIP"]))
    namespaces = {pod["metadata"]["namespace"] for pod in declared} | OTHERS
    written = Written(lab.api, store)
    with ExitStack() as stack:
        for namespace in namespaces:
            lab.namespace(namespace)
            stack.callback(lab.remove_namespace, namespace)
        lab.api.create(FILTERS, ONE_REQUEST_A_CONNECTION)
        stack.callback(lab.api.delete, FILTERS, "istio-system", "one-request-a-connection")
        _start_pods(lab, declared, folder, applications)
        for pod in declared:
            metadata = pod["metadata"]
            written.adopt(PODS, metadata["namespace"], metadata["name"])
        plane = IstioPlane(lab, cluster, folder, written)
        for pod in declared:
            metadata = pod["metadata"]
            plane.pods[metadata["name"]] = InPod(lab.kubeconfig, metadata["namespace"], metadata["name"])
            stack.callback(plane.pods[metadata["name"]].close)
            if _has_sidecar(pod):
                plane.proxied.append(metadata["name"])
        plane.settle()
        yield plane
        cluster.clear_policies()
        plane.settle()


def _start_pods(
    lab: IstioLab, declared: Sequence[Object], folder: Path, applications: Mapping[str, Sequence[int]]
) -> None:
    """Each at its own address."""
    lab.namespace("filling")
    for pod in declared:
        metadata, address = pod["metadata"], pod["status"]["podIP"]
        account = {"name": pod["spec"]["serviceAccountName"], "namespace": metadata["namespace"]}
        lab.api.create(SERVICE_ACCOUNTS, {"metadata": account})
        _take_addresses_before(lab, address)
        lab.api.create(PODS, _pod(pod, folder, applications.get(metadata["name"], ())))
        given = _address(lab, metadata["namespace"], metadata["name"])
        assert given == address, f"{metadata['name']} is at {given} instead of {address}"
    lab.remove_namespace("filling")
    for namespace in {pod["metadata"]["namespace"] for pod in declared}:
        lab.kubectl("wait", "-n", namespace, "--for=condition=Ready", "pod", "--all", "--timeout=20s")
    proxies = [pod["metadata"] for pod in declared if _has_sidecar(pod)]
    lab.istiod.wait_for(*(f"{each['name']}.{each['namespace']}" for each in proxies))


def _take_addresses_before(lab: IstioLab, address: str) -> None:
    def filling(number: int) -> str:
        metadata = {"name": f"filling-{number}", "namespace": "filling"}
        lab.api.create(PODS, {"metadata": metadata, "spec": _spec("sleep", "60")})
        return _address(lab, "filling", metadata["name"])

    last = ipaddress.ip_address(filling(int(time.monotonic() * 1000)))
    missing = int(ipaddress.ip_address(address)) - int(last) - 1
    assert missing >= 0, f"{address} is in use: the next one is after {last}"
    for number in range(missing):
        filling(int(time.monotonic() * 1000) * 1000 + number)


def _address(lab: IstioLab, namespace: str, name: str) -> str:
    deadline = time.monotonic() + PATIENCE
    while True:
        pod = lab.api.get(PODS, namespace, name)
        assert pod
        if address := pod.get("status", {}).get("podIP"):
            return str(address)
        assert time.monotonic() < deadline, f"{name} has no address"
        time.sleep(0.005)


def _has_sidecar(declared: Object) -> bool:
    return "sidecar.istio.io/status" in declared["metadata"]["annotations"]


def _spec(*command: str) -> dict[str, Any]:
    return {
        "containers": [{"name": "app", "image": IMAGE, "command": list(command)}],
        "terminationGracePeriodSeconds": 0,
    }


def _pod(declared: Object, folder: Path, ports: Sequence[int]) -> Object:
    metadata = declared["metadata"]
    injected = _has_sidecar(declared)
    labels = {
        name: value for name, value in metadata["labels"].items() if name != "security.istio.io/tlsMode"
    }
    pem = [str(folder / "app.crt"), str(folder / "app.key")]
    command = [sys.executable, str(APPLICATION), *pem, *map(str, ports)] if ports else ["sleep", "infinity"]
    settings = f'{{"concurrency": 1, "proxyMetadata": {{"OUTPUT_CERTS": "{CERTIFICATES}"}}}}'
    return {
        "metadata": {
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "labels": {**labels, "sidecar.istio.io/inject": "true" if injected else "false"},
            "annotations": {"proxy.istio.io/config": settings},
        },
        "spec": {**_spec(*command), "serviceAccountName": declared["spec"]["serviceAccountName"]},
    }
