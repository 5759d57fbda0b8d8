"""The annotations `traffic.sidecar.istio.io/...`: whose traffic goes past a proxy, under STRICT."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.e2e.sidecars.conftest import Kubectl
from tests.e2e.sidecars.pods import CURL, HTTPBIN, Annotations, manifest, pod, service, strict

T = "traffic.sidecar.istio.io/"
NOWHERE = {T + "includeOutboundIPRanges": ""}
SERVICES, OTHERS = "10.96.0.0/16", "10.97.0.0/16"


@dataclass(frozen=True)
class Way:
    """The annotations of a pod, and whether what it gets on port 8080 and sends to port 8000 is captured."""

    annotations: Annotations
    inbound: bool
    outbound: bool


PODS = {
    "plain": Way({}, True, True),
    "exclude-ports": Way(
        {T + "excludeInboundPorts": "8080", T + "excludeOutboundPorts": "8000"}, False, False
    ),
    "exclude-others": Way(
        {T + "excludeInboundPorts": "9", T + "excludeOutboundIPRanges": OTHERS}, True, True
    ),
    "exclude-range": Way({T + "excludeOutboundIPRanges": SERVICES}, True, False),
    "include-ports": Way(
        {T + "includeInboundPorts": "8080,9", T + "includeOutboundPorts": "8000", **NOWHERE}, True, True
    ),
    "include-others": Way(
        {T + "includeInboundPorts": "9", T + "includeOutboundIPRanges": OTHERS}, False, False
    ),
    "include-no-port": Way(
        {T + "includeInboundPorts": "", T + "includeOutboundIPRanges": SERVICES}, False, True
    ),
    "exclude-interface": Way({T + "excludeInterfaces": "eth0"}, False, False),
}


@pytest.fixture(scope="module")
def captured(kubectl: Kubectl) -> Iterator[Kubectl]:
    kubectl.namespace("captured", "istio-injection=enabled")
    kubectl.namespace("outside")
    pods = [strict("captured"), pod("outside", "outside", CURL)]
    for name, way in PODS.items():
        both = pod(name, "captured", HTTPBIN, way.annotations)
        both["spec"]["containers"].append(CURL)
        pods += [both, service(name, "captured")]
    kubectl("apply", "-f", "-", given=manifest(*pods))
    kubectl.ready("captured")
    kubectl.ready("outside")
    yield kubectl
    kubectl("delete", "namespace", "captured", "outside", "--wait=false")


def seen_by(kubectl: Kubectl, namespace: str, client: str) -> dict[str, str]:
    """But for the client itself, which capture treats in a way of its own."""
    servers = [name for name in PODS if name != client]
    urls = [f"http://{server}.captured:8000/get" for server in servers]
    return dict(zip(servers, kubectl.statuses(namespace, client, "curl", *urls), strict=True))


def test_plain_text_passes_where_the_server_is_not_captured(captured: Kubectl) -> None:
    expected = {name: "000/56" if way.inbound else "200/0" for name, way in PODS.items()}
    assert seen_by(captured, "outside", "outside") == expected


@pytest.mark.parametrize("client", PODS)
def test_a_client_speaks_mutual_tls_where_it_is_captured(captured: Kubectl, client: str) -> None:
    served, otherwise = ("200/0", "503/0") if PODS[client].outbound else ("000/56", "200/0")
    expected = {name: served if way.inbound else otherwise for name, way in PODS.items() if name != client}
    assert seen_by(captured, "captured", client) == expected


@pytest.mark.parametrize(
    ("annotation", "value", "why"),
    [
        (
            "excludeInboundPorts",
            "abc",
            "excludeInboundPorts invalid: failed parsing port 'abc': failed parsing port 'abc': "
            'strconv.ParseUint: parsing "abc": invalid syntax',
        ),
        (
            "excludeOutboundIPRanges",
            "10.0.0.0",
            "excludeIPRanges invalid: failed parsing cidr '10.0.0.0': "
            "netip.ParsePrefix(\"10.0.0.0\"): no '/'",
        ),
        ("excludeInterfaces", "a b", 'interface name "a b" contains invalid characters'),
    ],
)
def test_what_cannot_be_obeyed_is_refused(captured: Kubectl, annotation: str, value: str, why: str) -> None:
    wrong = pod("wrong", "captured", CURL, {T + annotation: value})
    refused = captured.run("create", "--dry-run=server", "-f", "-", given=manifest(wrong))
    assert refused.returncode == 1
    assert refused.stderr == (
        'Error from server: error when creating "STDIN": '
        'admission webhook "namespace.sidecar-injector.istio.io" denied the request: '
        "failed to run injection template: 1 error occurred:\n"
        f"\t* invalid value '{value}' for annotation '{T}{annotation}': {why}\n\n"
    )
