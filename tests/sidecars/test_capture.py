"""The annotations `traffic.sidecar.istio.io/...`: whose traffic goes past a proxy, under STRICT."""

from __future__ import annotations

import pytest

from tests.sidecars.conftest import Kubectl
from tests.sidecars.pods import CURL, HTTPBIN, Annotations, manifest, pod, service, strict

T = "traffic.sidecar.istio.io/"
PORTS_ONLY = {T + "includeOutboundIPRanges": "", T + "includeOutboundPorts": "8000"}
SERVERS: dict[str, Annotations] = {
    "plain": {},
    "exclude-port": {T + "excludeInboundPorts": "8080"},
    "exclude-other-port": {T + "excludeInboundPorts": "9999"},
    "include-port": {T + "includeInboundPorts": "8080,9090"},
    "include-other-port": {T + "includeInboundPorts": "9999"},
    "include-no-port": {T + "includeInboundPorts": ""},
    "exclude-interface": {T + "excludeInterfaces": "eth0"},
}
CAPTURED = ("plain", "exclude-other-port", "include-port")
CLIENTS: dict[str, tuple[Annotations, bool]] = {
    "sends-all": ({}, True),
    "exclude-port-out": ({T + "excludeOutboundPorts": "8000"}, False),
    "exclude-range-out": ({T + "excludeOutboundIPRanges": "10.96.0.0/16"}, False),
    "exclude-other-range-out": ({T + "excludeOutboundIPRanges": "10.97.0.0/16"}, True),
    "include-range-out": ({T + "includeOutboundIPRanges": "10.96.0.0/16"}, True),
    "include-other-range-out": ({T + "includeOutboundIPRanges": "10.97.0.0/16"}, False),
    "include-port-out": (PORTS_ONLY, True),
    "exclude-interface-out": ({T + "excludeInterfaces": "eth0"}, False),
}
"""With whether what a client sends goes through its proxy, which then speaks mutual TLS."""


@pytest.fixture(scope="module")
def captured(kubectl: Kubectl) -> Kubectl:
    kubectl.namespace("captured", "istio-injection=enabled")
    kubectl.namespace("outside")
    pods = [
        strict("captured"),
        *(pod(name, "captured", HTTPBIN, annotations) for name, annotations in SERVERS.items()),
        *(service(name, "captured") for name in SERVERS),
        *(pod(name, "captured", CURL, annotations) for name, (annotations, _) in CLIENTS.items()),
        pod("outside", "outside", CURL),
    ]
    kubectl("apply", "-f", "-", given=manifest(*pods))
    kubectl.ready("captured")
    kubectl.ready("outside")
    return kubectl


def seen_by(kubectl: Kubectl, namespace: str, client: str) -> dict[str, str]:
    urls = [f"http://{server}.captured:8000/get" for server in SERVERS]
    return dict(zip(SERVERS, kubectl.statuses(namespace, client, *urls), strict=True))


def test_plain_text_passes_where_the_server_is_not_captured(captured: Kubectl) -> None:
    assert seen_by(captured, "outside", "outside") == {
        server: "000/56" if server in CAPTURED else "200/0" for server in SERVERS
    }


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_speaks_mutual_tls_where_it_is_captured(captured: Kubectl, client: str) -> None:
    mutual = CLIENTS[client][1]
    expected = {
        server: ("200/0" if mutual else "000/56") if server in CAPTURED else "503/0" if mutual else "200/0"
        for server in SERVERS
    }
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
