"""Looks for valid objects whose configuration Envoy refuses.

Usage: `python -m tests.mesh.config.refusal_search SEED N`.

Objects of every kind, from a seed, go through the real admission to the reference mesh; what it writes for
each proxy is given to Envoy. Exit code 1 if Envoy refuses any of it; the objects behind that are printed.
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from lab.kube.client import (
    CUSTOM_RESOURCE_DEFINITIONS,
    NAMESPACES,
    PODS,
    ApiError,
    GroupResource,
    Object,
    Store,
)
from lab.kube.kinds.scheme import Scheme
from lab.kube.writing.writes import Writes
from lab.mesh.config import current
from lab.mesh.config.cel_rules import CEL_RULES
from lab.mesh.control_plane.controller import ReferenceMesh
from lab.mesh.workloads.gateway_pods import ARGUMENTS
from tests.mesh import validation
from tests.mesh.cluster import Cluster
from tests.mesh.config.odd_objects import Odd, Taste

BATCH = 20
ISTIO = "networking.istio.io"
GATEWAY_API = "gateway.networking.k8s.io"
HTTP = {"name": "http", "port": 8000, "targetPort": 8080}
PLACES = ("foo", "istio-system")
KINDS = {
    GroupResource("security.istio.io", "peerauthentications"): 2,
    GroupResource("security.istio.io", "requestauthentications"): 4,
    GroupResource("security.istio.io", "authorizationpolicies"): 6,
    GroupResource(ISTIO, "destinationrules"): 3,
    GroupResource(ISTIO, "gateways"): 1,
    GroupResource(ISTIO, "virtualservices"): 6,
    GroupResource(GATEWAY_API, "httproutes"): 4,
}
"""With how often each is made."""
LEFT_OUT = frozenset(("targetRefs", "targetRef", "jwksUri", "jwks_uri", "tcp", "tls", "credentialName"))
"""Fields that lead away from what a proxy may refuse."""
SOUNDNESS = (0.98, 0.95, 0.9, 0.8, 0.6)


@dataclass
class Found:
    """What a search came to."""

    taken: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    """By admission, which is right for most."""
    ways: list[tuple[str, list[Object]]] = field(default_factory=list)
    """Envoy's words, and the objects that it takes to hear them."""


class Search:
    """A cluster with a workload, a client and both gateways, but for its processes."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder = folder
        self._random = random.Random(seed)
        scheme = Scheme()
        scheme.cel_rules.update(CEL_RULES)
        self._objects = Writes(Store(), scheme)
        for namespace in PLACES:
            self._create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace"}, namespace, "")
        self._schemas: dict[GroupResource, tuple[Object, Any]] = {}
        for definition in current.API.definitions():
            spec = definition["spec"]
            self._objects.create(CUSTOM_RESOURCE_DEFINITIONS, definition, manager="test")
            version = next(each for each in spec["versions"] if each["storage"])
            about = {"apiVersion": f"{spec['group']}/{version['name']}", "kind": spec["names"]["kind"]}
            schema = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
            self._schemas[GroupResource(spec["group"], spec["names"]["plural"])] = (about, schema)
        for key, review in current.API.admission.items():
            self._objects.review(key, review)
        self._cluster = Cluster(self._objects.store)
        self._pods()
        self._gateways()
        self._mesh = ReferenceMesh(self._objects, folder, current.API)

    def run(self, count: int) -> Found:
        """Until so many objects have been taken by admission."""
        found = Found()
        while found.taken.total() < count:
            batch = list(self._batch(found))
            if why := self.refusal(batch):
                found.ways.append((why, self._smallest(batch)))
        return found

    def _batch(self, found: Found) -> Iterator[tuple[GroupResource, Object]]:
        for number in range(BATCH):
            key = self._random.choices(list(KINDS), list(KINDS.values()))[0]
            while not (obj := self._taken(key, f"odd-{number}")):
                found.refused[key.plural] += 1
            found.taken[key.plural] += 1
            yield key, obj

    def _taken(self, key: GroupResource, name: str) -> Object | None:
        """The next object, if admission takes it."""
        about, schema = self._schemas[key]
        metadata = {"name": name, "namespace": self._random.choice(PLACES)}
        obj = {**about, "metadata": metadata, "spec": self._attached(key, self._odd().spec(schema))}
        try:
            self._objects.create(key, obj, manager="test", dry_run=True)
        except ApiError:
            return None
        return obj

    def _odd(self) -> Odd:
        """So odd that admission takes some of it."""
        return Odd(self._random, Taste(self._random.choice(SOUNDNESS), left_out=LEFT_OUT))

    def _attached(self, key: GroupResource, spec: Any) -> Any:
        """So that there is a gateway for it."""
        if key.plural == "httproutes":
            return {**spec, "parentRefs": [{"name": "gw", "namespace": "istio-system"}]}
        if key == GroupResource(ISTIO, "gateways"):
            return {**spec, "selector": {"istio": "ingressgateway"}}
        return spec

    def refusal(self, batch: Sequence[tuple[GroupResource, Object]]) -> str:
        """Envoy's words where it refuses what follows from these objects; "" otherwise."""
        made = [(key, self._objects.create(key, obj, manager="test")) for key, obj in batch]
        try:
            try:
                self._mesh.reconcile()
            except Exception as error:  # noqa: BLE001 - whatever it is, the objects were valid
                return f"the control plane fails: {error!r}"
            proxies = (path.parent for path in sorted((self._folder / "proxies").glob("*/lds.json")))
            return next((why for proxy in proxies if (why := validation.refusal(proxy))), "")
        finally:
            for key, obj in made:
                metadata = obj["metadata"]
                self._objects.store.remove(key, metadata["namespace"], metadata["name"])

    def _smallest(self, batch: list[tuple[GroupResource, Object]]) -> list[Object]:
        """Without the objects that it does not take."""
        for one in list(batch):
            if self.refusal([one]):
                return [one[1]]
        for one in list(batch):
            fewer = [each for each in batch if each is not one]
            if self.refusal(fewer):
                batch = fewer
        return [obj for _, obj in batch]

    def _create(self, key: GroupResource, about: Object, name: str, namespace: str, spec: Any = None) -> None:
        metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
        self._objects.create(
            key, {**about, "metadata": metadata} | ({"spec": spec} if spec else {}), manager="test"
        )

    def _pods(self) -> None:
        cluster = self._cluster
        cluster.pod("httpbin", "foo", "10.244.0.11")
        cluster.pod("sleep", "foo", "10.244.0.21", app="sleep", account="sleep")
        cluster.service("httpbin", "foo", "10.96.0.11", [HTTP], ["10.244.0.11"])
        labels = {"istio": "ingressgateway"}
        pod = cluster.pod("ingress", "istio-system", "10.244.0.50", sidecar=False, labels=labels)
        kubernetes = cluster.pod(
            "gw", "istio-system", "10.244.0.51", sidecar=False, labels={f"{GATEWAY_API}/gateway-name": "gw"}
        )
        for each in (pod, kubernetes):
            each["spec"]["containers"] = [{"name": "istio-proxy", "args": list(ARGUMENTS)}]
            cluster.store.put(PODS, each)
        port = {"name": "http2", "port": 80, "targetPort": 8080}
        cluster.service("ingress", "istio-system", "10.96.0.50", [port], ["10.244.0.50"], selector=labels)
        port = {"name": "http", "port": 80, "targetPort": 80}
        cluster.service("gw-istio", "istio-system", "10.96.0.51", [port], ["10.244.0.51"], selector={})

    def _gateways(self) -> None:
        everybody = {"allowedRoutes": {"namespaces": {"from": "All"}}}
        listener = {"name": "http", "port": 80, "protocol": "HTTP", **everybody}
        key = GroupResource(GATEWAY_API, "gateways")
        spec: Any = {"gatewayClassName": "istio", "listeners": [listener]}
        self._create(key, self._schemas[key][0], "gw", "istio-system", spec)
        key = GroupResource(ISTIO, "gateways")
        server = {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}
        spec = {"selector": {"istio": "ingressgateway"}, "servers": [server]}
        self._create(key, self._schemas[key][0], "gw", "istio-system", spec)


def main(arguments: Sequence[str]) -> int:
    seed, count = map(int, arguments)
    with tempfile.TemporaryDirectory(prefix="refusals-") as folder:
        found = Search(Path(folder), seed).run(count)
    counts = (
        f"{plural:<24}{found.taken[plural]:>6} taken {found.refused[plural]:>6} refused at admission"
        for plural in sorted(found.taken | found.refused)
    )
    ways = (
        f"--- # {why}\n{yaml.safe_dump_all(objects, sort_keys=False, allow_unicode=True)}"
        for why, objects in found.ways
    )
    total = f"seed {seed}: {found.taken.total()} objects, {len(found.ways)} refusals"
    sys.stdout.write("\n".join((*counts, *ways, total, "")))
    return 1 if found.ways else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
