"""The Gateway API as istiod looks after it, in a lab: tests/mesh/gateway_cluster.py for real Istio.

No pod of a gateway is started: the class says that its Deployments have no replicas. Where a test wants a pod
behind a gateway's Service, it is one that does nothing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from lab.kube.client import (
    CONFIG_MAPS,
    DEPLOYMENTS,
    NAMESPACES,
    PODS,
    SERVICES,
    ApiError,
    GroupResource,
    Object,
)
from tests.mesh.gateway_cluster import GATEWAYS, GRANTS, GROUP, LABEL, POD, ROUTES, GatewayCluster
from tests.planes.istio_lab import IstioLab

CLASSES = GroupResource(GROUP, "gatewayclasses")
LABELS_OF = {"foo": {}, "bar": {"team": "bar"}}
MADE = (GATEWAYS, ROUTES, GRANTS)
WATCHED = (GATEWAYS, ROUTES, DEPLOYMENTS, SERVICES)

MARKER = "marker"
OF_GATEWAYS = ("gw-istio", "edge", "second-istio")
"""Services that are made for the tests' gateways, or by the tests themselves under such a name."""

QUIET = 0.1
"""Seconds in which nothing is written any more, after istiod has reported on a gateway that came last."""
PATIENCE = 10

NO_REPLICAS: dict[str, Any] = {
    "metadata": {
        "name": "no-replicas",
        "namespace": "istio-system",
        "labels": {"gateway.istio.io/defaults-for-class": "istio"},
    },
    "data": {"deployment": json.dumps({"spec": {"replicas": 0}})},
}


class IstioGatewayCluster(GatewayCluster):
    kind = "istio"

    def __init__(self, lab: IstioLab) -> None:
        self._api = lab.api
        self._istiod = lab.istiod
        itself: Any = self
        self.objects = itself
        self.controller = itself
        for namespace, labels in LABELS_OF.items():
            lab.namespace(namespace)
            self._api.merge(NAMESPACES, "", namespace, {"metadata": {"labels": labels}})
            self._provide(SERVICES, _httpbin(namespace))
        self._provide(CONFIG_MAPS, NO_REPLICAS)

    def close(self) -> None:
        """Takes away all that is there but the namespaces."""
        for namespace in LABELS_OF:
            for key in MADE:
                for obj in self._api.list(key, namespace):
                    self._remove(key, namespace, obj["metadata"]["name"])
            for name in OF_GATEWAYS:
                self._remove(SERVICES, namespace, name)
        self._remove(PODS, "foo", "gw")
        self._remove(CLASSES, "", "other")
        self._wait_until(lambda: not self._api.list(DEPLOYMENTS, "foo"), "the gateways are gone")
        self._api.delete(CONFIG_MAPS, "istio-system", NO_REPLICAS["metadata"]["name"])

    @property
    def store(self) -> IstioGatewayCluster:  # type: ignore[override]
        return self

    # As a store

    def get(self, key: GroupResource, namespace: str, name: str) -> Object | None:
        return self._api.get(key, namespace, name)

    def list(self, key: GroupResource) -> list[Object]:
        return self._api.list(key, "foo")

    # As objects

    def create(self, key: GroupResource, obj: Object) -> Object:
        body = {name: value for name, value in obj.items() if name not in ("apiVersion", "kind")}
        return self._api.create(key, body)

    def update(self, key: GroupResource, obj: Object, *, manager: str = "") -> Object:
        return self._write(key, obj, "")

    def set_status(
        self, key: GroupResource, namespace: str, name: str, status: Any, *, manager: str = ""
    ) -> Object:
        return self._write(
            key, {"metadata": {"name": name, "namespace": namespace}, "status": status}, "/status"
        )

    def delete(self, key: GroupResource, namespace: str, name: str) -> None:
        self._api.delete(key, namespace, name)

    # As the controller

    def reconcile(self) -> None:
        """Until istiod has reported on everything, and nothing is written any more."""
        last: Any = None
        since = 0.0

        def quiet() -> bool:
            nonlocal last, since
            seen = [
                obj for key in WATCHED for namespace in LABELS_OF for obj in self._api.list(key, namespace)
            ]
            state = [obj["metadata"]["resourceVersion"] for obj in seen]
            if state != last:
                last, since = state, time.monotonic()
            return time.monotonic() - since > QUIET and all(map(_reported, seen))

        self._istiod.mark()
        self._mark()
        self._wait_until(quiet, "istiod has nothing left to report")

    def _mark(self) -> None:
        """Until istiod has reported on a gateway that is younger than all that is asked about."""
        spec = {
            "gatewayClassName": "istio",
            "addresses": [{"type": "Hostname", "value": "nobody.example.com"}],
        }
        listener = {"name": "http", "protocol": "HTTP"}
        present = self._api.get(GATEWAYS, MARKER, MARKER)
        port = present["spec"]["listeners"][0]["port"] + 1 if present else 1
        wanted = {"spec": {**spec, "listeners": [{**listener, "port": port}]}}
        if present:
            self._api.merge(GATEWAYS, MARKER, MARKER, wanted)
        else:
            self._api.create(GATEWAYS, {"metadata": {"name": MARKER, "namespace": MARKER}, **wanted})
        self._wait_until(
            lambda: _reported(self._api.get(GATEWAYS, MARKER, MARKER)), "the marker is reported on"
        )

    def run_pod(
        self, gateway: str = "gw", ports: Any = (80,), address: str = POD, *, ready: bool = True
    ) -> None:
        """A pod of our own, which the Service selects; on Istio its ports are all that the Service has."""
        probe = {} if ready else {"readinessProbe": {"exec": {"command": ["false"]}}}
        container = {"name": "app", "image": "curlimages/curl", "command": ["sleep", "infinity"], **probe}
        labels = {LABEL: gateway, "sidecar.istio.io/inject": "false"}
        before = self._api.get(GATEWAYS, "foo", gateway)
        self._api.create(
            PODS,
            {
                "metadata": {"name": gateway, "namespace": "foo", "labels": labels},
                "spec": {
                    "serviceAccountName": f"{gateway}-istio",
                    "terminationGracePeriodSeconds": 0,
                    "containers": [container],
                },
            },
        )
        self._wait_until(
            lambda: self._api.get(GATEWAYS, "foo", gateway) != before,
            "istiod reports on a gateway with a pod",
        )

    def _provide(self, key: GroupResource, obj: Object) -> None:
        try:
            self._api.create(key, obj)
        except ApiError as error:
            if error.code != 409:
                raise

    def _remove(self, key: GroupResource, namespace: str, name: str) -> None:
        try:
            self._api.delete(key, namespace, name)
        except ApiError as error:
            if error.code != 404:
                raise

    def _write(self, key: GroupResource, obj: Object, part: str) -> Object:
        """As it is given, whoever has written in between."""
        metadata = obj["metadata"]
        place = key, metadata.get("namespace", ""), metadata["name"]
        while True:
            present = self._api.get(*place)
            assert present
            version = {"resourceVersion": present["metadata"]["resourceVersion"]}
            wanted = {**(present if part else obj), **({"status": obj["status"]} if part else {})}
            wanted = {**wanted, "metadata": {**wanted["metadata"], **version}}
            wanted["metadata"].pop("managedFields", None)
            try:
                return self._api.replace(key, wanted, part)
            except ApiError as error:
                if error.code != 409:
                    raise

    def _wait_until(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, f"in vain: {what}"
            time.sleep(0.03)


def _reported(obj: Object | None) -> bool:
    """Whether what is reported is about the object as it is."""
    if obj is None or obj.get("spec", {}).get("gatewayClassName") != "istio":
        return True
    conditions = obj.get("status", {}).get("conditions", [])
    return bool(conditions) and all(
        each.get("observedGeneration") == obj["metadata"]["generation"] for each in conditions
    )


def _httpbin(namespace: str) -> Object:
    port = {"name": "http", "port": 8000, "targetPort": 8080}
    spec = {"selector": {"app": "httpbin"}, "ports": [port]}
    return {"metadata": {"name": "httpbin", "namespace": namespace}, "spec": spec}
