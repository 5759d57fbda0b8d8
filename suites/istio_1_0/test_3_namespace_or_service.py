"""Enable mutual TLS per namespace or service, Policy precedence, and Cleanup part 2.

In an order in which no step looks as the one before it, where that can be.
"""

from __future__ import annotations

from fixtures.expectations import Answered, EveryPod, Reachability
from fixtures.model.document import ISTIO_1_0
from fixtures.model.step import Step
from fixtures.playground.playground import NAMESPACES
from suites.grids import ALL_REACHABLE, LEGACY_REFUSED_BY_BOTH, LEGACY_REFUSED_BY_FOO, others
from suites.istio_1_0.beside import BESIDE_A_POLICY_OF_BAR

PER_NAMESPACE_OR_SERVICE = ISTIO_1_0.section("Enable mutual TLS per namespace or service")
NAMESPACE_WIDE_POLICY = ISTIO_1_0.section("Namespace-wide policy")
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
        section=NAMESPACE_WIDE_POLICY,
        manifests=NAMESPACE_WIDE,
        quote="As these policy and destination rule are applied on services in namespace foo only, you "
        "should see only request from client-without-sidecar (sleep.legacy) to httpbin.foo start to fail.",
        expect=[
            Reachability(LEGACY_REFUSED_BY_FOO),
            others(
                """
                        another.foo     foo:8001    another.bar     bar:8001
                foo     200             200         200             200
                bar     200             200         200             200
                legacy  000/56          000/56      200             200
                """,
                asks="The policy is to enable mutual TLS for all services in namespace foo.",
            ),
        ],
    ),
    Step(
        "of-the-default-namespace",
        section=NAMESPACE_WIDE_POLICY,
        manifests=["istio-1.0/strict-default.yaml", "istio-1.0/strict-httpbin-bar.yaml"],
        quote="If you dont specify a namespace value the policy will apply to the default namespace.",
        expect=[Reachability(BESIDE_A_POLICY_OF_BAR)],
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
            others(
                """
                        bar:8001
                foo     200
                bar     200
                legacy  000/56
                """,
                asks="Without ports it is a policy for the service, whichever port is asked.",
            ),
            EveryPod("legacy", "bar", "000/56"),
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
        expect=[
            Reachability(ALL_REACHABLE),
            others(
                """
                        another.foo     foo:8001
                foo     200             200
                bar     200             200
                legacy  000/56          200
                """,
                asks="You've already created a namespace-wide policy that enables mutual TLS for all "
                "services in namespace foo; the other one is to disable it for httpbin.foo.",
            ),
        ],
    ),
    # Port 8000 is that of the service; its pods listen on another one.
    Step(
        "port-8000",
        section=SERVICE_SPECIFIC,
        manifests=[
            *NAMESPACE_WIDE,
            "istio-1.0/port-8000-bar.yaml",
            "istio-1.0/mutual-tls-port-8000-bar.yaml",
        ],
        quote="we edit the policy slightly to apply on a specific port: [...] And a corresponding change "
        "to the destination rule",
        expect=[
            Reachability(LEGACY_REFUSED_BY_BOTH),
            others(
                """
                        bar:8001
                foo     200
                bar     200
                legacy  200
                """,
                asks="It is for this port only.",
            ),
        ],
    ),
    Step(
        "port-8001",
        section=SERVICE_SPECIFIC,
        manifests=[
            *NAMESPACE_WIDE,
            "istio-1.0/port-8001-bar.yaml",
            "istio-1.0/mutual-tls-port-8001-bar.yaml",
        ],
        quote="This new policy will apply only to the httpbin service on port 1234. As a result, mutual TLS "
        "is disabled (again) on port 8000",
        expect=[
            Reachability(LEGACY_REFUSED_BY_FOO),
            others(
                """
                        bar:8001    another.bar
                foo     200         200
                bar     200         200
                legacy  000/56      200
                """,
                asks="The same for a port that httpbin has.",
            ),
        ],
    ),
    # Nothing tells clients to use mutual TLS; in foo they need not.
    Step(
        "namespace-over-mesh",
        section=PER_NAMESPACE_OR_SERVICE,
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
    # Policies on all three levels. Here the narrower one asks for more than the one above it.
    Step(
        "service-over-namespace-and-mesh",
        section=PER_NAMESPACE_OR_SERVICE,
        manifests=[
            "istio-1.0/mesh-policy.yaml",
            "istio-1.0/permissive-foo.yaml",
            "istio-1.0/strict-httpbin-foo.yaml",
        ],
        quote="A namespace-wide policy takes precedence over the mesh-wide policy, while a "
        "service-specific policy has higher precedence still.",
        expect=[
            Reachability(
                """
                        foo     bar     legacy
                foo     503     503     200
                bar     503     503     200
                legacy  000/56  000/56  200
                """
            ),
            others(
                """
                        another.foo     foo:8001    another.bar
                foo     200             503         503
                bar     200             503         503
                legacy  200             000/56      000/56
                """,
                asks="Another service of foo has the policy of its namespace, one of bar that of the mesh.",
            ),
        ],
    ),
    Step(
        "cleanup-2",
        section=ISTIO_1_0.section("Cleanup part 2"),
        quote="Remove policies and destination rules created in the above steps",
        expect=[Reachability(ALL_REACHABLE)],
    ),
]
