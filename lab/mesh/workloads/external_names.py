"""Services of type ExternalName: aliases of Services of the cluster, as in Istio.

Requests to such a name are routed, and secured, like those to the Service that it means in the end. A name
from outside the cluster means none, nor does a circle of names.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from lab.kube.client import Object
from lab.mesh.model.hosts import service_host

Place = tuple[str, str]
"""Namespace and name of a Service."""


def is_one(service: Object) -> bool:
    kind: str = service["spec"].get("type", "")
    return kind == "ExternalName"


def by_service(services: Sequence[Object]) -> Mapping[Place, tuple[Place, ...]]:
    """The other names of each Service that has any, in a stable order."""
    places = {_host(_place(service)): _place(service) for service in services}
    leads_to = {
        _place(service): places.get(service["spec"].get("externalName", ""))
        for service in services
        if is_one(service)
    }
    found: defaultdict[Place, list[Place]] = defaultdict(list)
    for name in sorted(leads_to):
        seen, meant = {name}, leads_to[name]
        while meant is not None and meant in leads_to and meant not in seen:
            seen.add(meant)
            meant = leads_to[meant]
        if meant is not None and meant not in leads_to:
            found[meant].append(name)
    return {place: tuple(names) for place, names in found.items()}


def _place(service: Object) -> Place:
    return service["metadata"]["namespace"], service["metadata"]["name"]


def _host(place: Place) -> str:
    namespace, name = place
    return service_host(name, namespace)
