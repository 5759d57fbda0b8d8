"""Enable mutual TLS per namespace or service, Policy precedence, and Cleanup part 2.

In an order in which no step looks as the one before it, where that can be.
"""

from __future__ import annotations

from fixtures.expectations import Answered, Reachability
from fixtures.model.document import ISTIO_1_0
from fixtures.model.step import Step
from fixtures.playground.playground import NAMESPACES
from suites.grids import ALL_REACHABLE, LEGACY_REFUSED_BY_BOTH, LEGACY_REFUSED_BY_FOO

SERVICE_SPECIFIC = ISTIO_1_0.section("Service-specific policy")

NAMESPACE_WIDE = ("istio-1.0/strict-foo.yaml", "istio-1.0/mutual-tls-foo.yaml")
PORT_1234 = (
    *NAMESPACE_WIDE,
    "istio-1.0/port-1234-bar.yaml",
    "istio-1.0/mutual-tls-port-1234-bar.yaml",
)

STEPS = [
    Step(
        "namespace-wide",
        section=ISTIO_1_0.section("Namespace-wide policy"),
        manifests=NAMESPACE_WIDE,
        quote="As these policy and destination rule are applied on services in namespace foo only, you "
        "should see only request from client-without-sidecar (sleep.legacy) to httpbin.foo start to fail.",
        expect=[Reachability(LEGACY_REFUSED_BY_FOO)],
    ),
    # The document prints one line of its loop.
    Step(
        "service-specific",
        section=SERVICE_SPECIFIC,
        manifests=[
            *NAMESPACE_WIDE,
            "istio-1.0/strict-httpbin-bar.yaml",
            "istio-1.0/mutual-tls-httpbin-bar.yaml",
        ],
        quote="As expected, request from sleep.legacy to httpbin.bar starts failing with the same reasons.",
        expect=[
            Reachability(LEGACY_REFUSED_BY_BOTH),
            Answered(
                NAMESPACES,
                "http://another.bar:8000/ip",
                "200",
                test="other-services-of-the-namespace",
                label="",
                asks="If we have more services in namespace bar, we should see traffic to them won't be "
                "affected.",
            ),
        ],
    ),
    Step(
        "port-1234",
        section=SERVICE_SPECIFIC,
        manifests=PORT_1234,
        quote="This new policy will apply only to the httpbin service on port 1234. As a result, mutual TLS "
        "is disabled (again) on port 8000 and requests from sleep.legacy will resume working.",
        expect=[Reachability(LEGACY_REFUSED_BY_FOO)],
    ),
    Step(
        "service-specific-any-names",
        section=SERVICE_SPECIFIC,
        manifests=[*NAMESPACE_WIDE, "istio-1.0/strict-httpbin-bar-any-names.yaml"],
        quote="There is no restriction on the authentication policy and destination rule name.",
        expect=[Reachability(LEGACY_REFUSED_BY_BOTH)],
    ),
    Step(
        "policy-precedence",
        section=ISTIO_1_0.section("Policy precedence"),
        manifests=[*PORT_1234, "istio-1.0/overwrite-example-foo.yaml", "istio-1.0/plain-text-foo.yaml"],
        quote="a service-specific policy takes precedence over namespace-wide policy",
        expect=[Reachability(ALL_REACHABLE)],
    ),
    # Port 8000 is that of the service; its pods listen on another one.
    Step(
        "port-8000",
        section=SERVICE_SPECIFIC,
        manifests=[*NAMESPACE_WIDE, "istio-1.0/port-8000-bar.yaml", "istio-1.0/mutual-tls-httpbin-bar.yaml"],
        quote="we edit the policy slightly to apply on a specific port",
        expect=[Reachability(LEGACY_REFUSED_BY_BOTH)],
    ),
    # Nothing tells clients to use mutual TLS; in foo they need not.
    Step(
        "namespace-over-mesh",
        section=ISTIO_1_0.section("Enable mutual TLS per namespace or service"),
        manifests=["istio-1.0/mesh-policy.yaml", "istio-1.0/permissive-foo.yaml"],
        quote="A namespace-wide policy takes precedence over the mesh-wide policy",
        expect=[
            Reachability(
                """
                        foo     bar     legacy
                foo     200     503     200
                bar     200     503     200
                legacy  200     000/56  200
                """
            )
        ],
    ),
    Step(
        "cleanup-2",
        section=ISTIO_1_0.section("Cleanup part 2"),
        quote="Remove policies and destination rules created in the above steps",
        expect=[Reachability(ALL_REACHABLE)],
    ),
]
