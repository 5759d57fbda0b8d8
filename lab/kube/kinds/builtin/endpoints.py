"""Endpoints and EndpointSlices: where the pods of a Service are."""

from __future__ import annotations

from lab.kube.group_resources import ENDPOINT_SLICES, ENDPOINTS
from lab.kube.kinds.printers import AGE, NAME, Column, few
from lab.kube.kinds.resources import native
from lab.kube.objects import Object


def _endpoints(endpoints: Object) -> str:
    found = [
        f"{address['ip']}:{port['port']}" if port else address["ip"]
        for subset in endpoints.get("subsets") or []
        for port in subset.get("ports") or [None]
        for address in subset.get("addresses") or []
    ]
    return few(found)


def _slice_ports(slice_: Object) -> str:
    return few([str(port.get("port")) for port in slice_.get("ports") or []], "<unset>")


def _slice_addresses(slice_: Object) -> str:
    found = [
        address for endpoint in slice_.get("endpoints") or [] for address in endpoint.get("addresses") or []
    ]
    return few(found, "<unset>")


RESOURCES = (
    native(
        "io.k8s.api.core.v1.Endpoints",
        ENDPOINTS,
        short_names=("ep",),
        columns=(NAME, Column("Endpoints", _endpoints), AGE),
    ),
    native(
        "io.k8s.api.discovery.v1.EndpointSlice",
        ENDPOINT_SLICES,
        has_generation=True,
        columns=(
            NAME,
            Column("AddressType", lambda obj: obj.get("addressType", "")),
            Column("Ports", _slice_ports),
            Column("Endpoints", _slice_addresses),
            AGE,
        ),
    ),
)
