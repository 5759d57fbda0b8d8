"""End-user authentication with mutual TLS, and Cleanup part 3."""

from __future__ import annotations

from fixtures.expectations import Answers, Reachability
from fixtures.model.document import ISTIO_1_0
from fixtures.model.step import Step
from suites.grids import ALL_REACHABLE, LEGACY_REFUSED_BY_FOO
from suites.istio_1_0.end_user import EXPOSED, OPEN_TO_ALL, TOKEN_REQUIRED
from suites.istio_1_0.mesh_wide import ALL_CLIENTS_MUTUAL, MESH_WIDE_RULE

WITH_MUTUAL_TLS = ISTIO_1_0.section("End-user authentication with mutual TLS")

NAMESPACE_WIDE_RULE = ("istio-1.0/strict-foo.yaml", "istio-1.0/mutual-tls-foo.yaml")

# At the ingress all "will still work": that the policy is in force is seen among the pods.
STILL_WORKS = "Traffic from Istio services, including ingress gateway, to httpbin.foo will use mutual TLS."

STEPS = [
    # Mutual TLS comes first: a client without it is not even asked for a token.
    Step(
        "jwt-with-mutual-tls",
        section=WITH_MUTUAL_TLS,
        manifests=[*EXPOSED, "istio-1.0/jwt-mutual-tls.yaml", "istio-1.0/mutual-tls-httpbin-foo.yaml"],
        quote="traffic from Istio services, including ingress gateway, to httpbin.foo will use mutual TLS. "
        "The test command above will still work. Requests from Istio services directly to httpbin.foo also "
        "work, given the correct token: [...] However, requests from non-Istio services, which use "
        "plain-text will fail",
        expect=[
            Reachability(LEGACY_REFUSED_BY_FOO, token="valid", test="reachability-with-token"),
            Answers(TOKEN_REQUIRED, shows=False, asks=STILL_WORKS),
            Reachability(
                """
                        foo     bar     legacy
                foo     401     200     200
                bar     401     200     200
                legacy  000/56  200     200
                """,
                test="reachability-without-token",
                label="",
            ),
        ],
    ),
    Step(
        "covered-by-the-mesh-wide-rule",
        section=WITH_MUTUAL_TLS,
        manifests=[*EXPOSED, *MESH_WIDE_RULE, "istio-1.0/jwt-mutual-tls.yaml"],
        quote="If you already enable mutual TLS mesh-wide or namespace-wide, the host httpbin.foo is already "
        "covered by the other destination rule. Therefore, you do not need to add this destination rule.",
        expect=[
            Reachability(ALL_CLIENTS_MUTUAL, token="valid", test="reachability-with-token"),
            Answers(
                """
                            /headers
                none        401
                valid       200
                """,
                shows=False,
                asks=STILL_WORKS,
            ),
        ],
    ),
    Step(
        "covered-by-the-namespace-wide-rule",
        section=WITH_MUTUAL_TLS,
        manifests=[*EXPOSED, *NAMESPACE_WIDE_RULE, "istio-1.0/jwt-mutual-tls.yaml"],
        quote="If you already enable mutual TLS mesh-wide or namespace-wide, the host httpbin.foo is already "
        "covered by the other destination rule.",
        expect=[
            Reachability(LEGACY_REFUSED_BY_FOO, token="valid", test="reachability-with-token"),
            Answers(
                """
                            /headers
                none        401
                valid       200
                """,
                shows=False,
                asks=STILL_WORKS,
            ),
        ],
    ),
    # Without the mtls stanza httpbin.foo takes plain text only.
    Step(
        "overrides-the-mesh-policy-completely",
        section=WITH_MUTUAL_TLS,
        manifests=[*MESH_WIDE_RULE, "istio-1.0/strict-foo.yaml", "istio-1.0/jwt-example.yaml"],
        quote="you still need to add the mtls stanza to the authentication policy as the service-specific "
        "policy will override the mesh-wide (or namespace-wide) policy completely.",
        expect=[
            Reachability(
                """
                        foo     bar     legacy
                foo     503     200     503
                bar     503     200     503
                legacy  200     000/56  200
                """,
                token="valid",
                test="service-specific-policy-overrides-completely",
                label="",
            )
        ],
    ),
    Step(
        "cleanup-3",
        section=ISTIO_1_0.section("Cleanup part 3"),
        manifests=EXPOSED,
        quote="Remove authentication policy: [...] Remove destination rule",
        expect=[
            Answers(OPEN_TO_ALL, test="cleanup", label=""),
            Reachability(ALL_REACHABLE, test="cleanup", label="among-pods"),
        ],
    ),
]
