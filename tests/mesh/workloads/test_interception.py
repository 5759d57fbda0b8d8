"""Which traffic of a pod its sidecar gets."""

from __future__ import annotations

import pytest

from lab.kube.client import Denied
from lab.mesh.workloads.interception import PREFIX, arguments, refuse_misread

WEBHOOK = "namespace.sidecar-injector.istio.io"
NOTHING_SAID = ["-i", "*", "-x", "", "-b", "*", "-d", "15090,15021,15020"]


# As Istio's injector wrote them, and refused others, in a lab with Istio (1.31-dev, eed52ebb66ad).
@pytest.mark.parametrize(
    ("annotation", "value", "wanted"),
    [
        (
            "excludeInboundPorts",
            " 8080, 90",
            ["-i", "*", "-x", "", "-b", "*", "-d", "15090,15021,8080,90,15020"],
        ),
        ("excludeInboundPorts", "15020,80", ["-i", "*", "-x", "", "-b", "*", "-d", "15090,15021,15020,80"]),
        ("excludeInboundPorts", "", NOTHING_SAID),
        ("includeInboundPorts", "", ["-i", "*", "-x", "", "-b", "", "-d", "15090,15021,15020"]),
        ("includeInboundPorts", "*", NOTHING_SAID),
        ("includeOutboundPorts", "x", [*NOTHING_SAID, "-q", "x"]),
        ("excludeOutboundPorts", "", [*NOTHING_SAID, "-o", ""]),
        (
            "excludeOutboundIPRanges",
            "10.0.0.0/8,10.1.0.0/16",
            ["-i", "*", "-x", "10.0.0.0/8,10.1.0.0/16", "-b", "*", "-d", "15090,15021,15020"],
        ),
        ("includeOutboundIPRanges", "fd00::/8", ["-i", "fd00::/8", *NOTHING_SAID[2:]]),
        ("includeOutboundIPRanges", "", ["-i", "", *NOTHING_SAID[2:]]),
        ("excludeInterfaces", "eth0", [*NOTHING_SAID, "-c", "eth0"]),
    ],
)
def test_what_is_captured(annotation: str, value: str, wanted: list[str]) -> None:
    assert arguments({PREFIX + annotation: value}) == wanted


PORT = "failed parsing port '{0}': failed parsing port '{0}': strconv.ParseUint: parsing \"{0}\": {1}"


@pytest.mark.parametrize(
    ("annotation", "value", "why"),
    [
        (
            "excludeInboundPorts",
            "abc",
            f"excludeInboundPorts invalid: {PORT.format('abc', 'invalid syntax')}",
        ),
        (
            "excludeInboundPorts",
            "70000",
            f"excludeInboundPorts invalid: {PORT.format('70000', 'value out of range')}",
        ),
        ("excludeInboundPorts", "*", f"excludeInboundPorts invalid: {PORT.format('*', 'invalid syntax')}"),
        ("excludeInboundPorts", "8080,", f"excludeInboundPorts invalid: {PORT.format('', 'invalid syntax')}"),
        ("includeInboundPorts", "x", f"includeInboundPorts invalid: {PORT.format('x', 'invalid syntax')}"),
        ("excludeOutboundPorts", "x", f"excludeOutboundPorts invalid: {PORT.format('x', 'invalid syntax')}"),
        (
            "excludeOutboundIPRanges",
            "10.0.0.0",
            "excludeIPRanges invalid: failed parsing cidr '10.0.0.0': "
            "netip.ParsePrefix(\"10.0.0.0\"): no '/'",
        ),
        (
            "excludeOutboundIPRanges",
            "*",
            "excludeIPRanges invalid: failed parsing cidr '*': netip.ParsePrefix(\"*\"): no '/'",
        ),
        (
            "excludeOutboundIPRanges",
            "10.0.0.0/33",
            "excludeIPRanges invalid: failed parsing cidr '10.0.0.0/33': "
            'netip.ParsePrefix("10.0.0.0/33"): prefix length out of range',
        ),
        (
            "includeOutboundIPRanges",
            "10.0.0.0/8,*",
            "includeIPRanges invalid: failed parsing cidr '*': netip.ParsePrefix(\"*\"): no '/'",
        ),
        ("excludeInterfaces", "a b", 'interface name "a b" contains invalid characters'),
    ],
)
def test_a_pod_whose_annotations_cannot_be_obeyed_is_refused(annotation: str, value: str, why: str) -> None:
    with pytest.raises(Denied) as refusal:
        refuse_misread({PREFIX + annotation: value}, WEBHOOK)
    assert refusal.value.webhook == WEBHOOK
    assert refusal.value.message == (
        "failed to run injection template: 1 error occurred:\n\t* "
        f"invalid value '{value}' for annotation '{PREFIX}{annotation}': {why}\n\n"
    )
