"""Globally enabling Istio mutual TLS, requests from and to what is not in the mesh, and Cleanup part 1.

The document's loops visit some of the clients and servers at a time. Here each grid has all of them, since a
policy must do what the document says, and nothing else. The steps are in an order in which none looks as the
one before it, where that can be.
"""

from __future__ import annotations

from fixtures.expectations import ApiServer, EveryPod, Reachability, RefusedOrIgnored, RefusesTls
from fixtures.model.document import ISTIO_1_0
from fixtures.model.step import Step
from fixtures.playground.playground import IN_MESH
from suites.grids import ALL_REACHABLE, LEGACY_REFUSED_BY_BOTH, others
from suites.istio_1_0.beside import BESIDE_A_POLICY_OF_BAR
from suites.istio_1_0.mesh_wide import ALL_CLIENTS_MUTUAL, MESH_WIDE_RULE

GLOBALLY = ISTIO_1_0.section("Globally enabling Istio mutual TLS")
NAMESPACE_WIDE_POLICY = ISTIO_1_0.section("Namespace-wide policy")

SIMILAR_TLS_BLOCK = "the rule must contain a similar TLS block with ISTIO_MUTUAL mode"

LEGACY_IN_PLAIN_TEXT = (*MESH_WIDE_RULE, "istio-1.0/plain-text-legacy.yaml")


def api_server(outcome: str) -> list[ApiServer]:
    """What the clients in the mesh get of the API server."""
    asks = (
        "Requests fail due to the same problem as when sending requests to any non-Istio service; or no more."
    )
    return [ApiServer((client,), outcome, label=f"{{step}}-{client}", asks=asks) for client in IN_MESH]


NAMED_DEFAULT = "The name of the policy must be default, and it contains no targets specification"

STEPS = [
    # The clients send plain text, which httpbin.legacy can read.
    Step(
        "mesh-policy",
        section=GLOBALLY,
        manifests=["istio-1.0/mesh-policy.yaml"],
        quote="At this point, only the receiving side is configured to use mutual TLS. If you run the curl "
        "command between Istio services (i.e those with sidecars), all requests will fail with a 503 error "
        "code as the client side is still using plain-text.",
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
                        another.foo     another.bar     foo:8001    bar:8001
                foo     503             503             503         503
                bar     503             503             503         503
                legacy  000/56          000/56          000/56      000/56
                """,
                asks="This policy specifies that all workloads in the mesh will only accept encrypted "
                "requests using TLS.",
            ),
            EveryPod("legacy", "bar", "000/56"),
            RefusesTls(
                ("legacy",),
                "foo",
                certificate="none",
                label="none",
                asks="It enables mutual TLS: TLS of a client without a certificate is not enough.",
            ),
        ],
    ),
    Step(
        "mesh-wide-rule",
        section=GLOBALLY,
        manifests=MESH_WIDE_RULE,
        quote="you will see all requests between Istio-services are now completed successfully [...] "
        "requests from sleep.legacy to httpbin.foo or httpbin.bar will fail",
        expect=[
            Reachability(ALL_CLIENTS_MUTUAL),
            others(
                """
                        another.foo     another.bar     foo:8001    bar:8001
                foo     200             200             200         200
                bar     200             200             200         200
                legacy  000/56          000/56          000/56      000/56
                """,
                asks="It's more convenient to use a rule with the * wildcard to match all services.",
            ),
        ],
    ),
    # For httpbin.bar such a rule overrides that of the mesh, for httpbin.foo that of its namespace.
    Step(
        "overridden-by-a-rule-without-tls",
        section=GLOBALLY,
        manifests=[
            *MESH_WIDE_RULE,
            "istio-1.0/balanced-bar.yaml",
            "istio-1.0/mutual-tls-foo.yaml",
            "istio-1.0/balanced-foo.yaml",
        ],
        quote=f"{SIMILAR_TLS_BLOCK}, as otherwise it will override the mesh- or namespace-wide TLS settings "
        "and disable TLS.",
        expect=[
            Reachability(
                """
                        foo     bar     legacy
                foo     503     503     503
                bar     503     503     503
                legacy  000/56  000/56  200
                """
            )
        ],
    ),
    Step(
        "rule-with-a-tls-block",
        section=GLOBALLY,
        manifests=[*MESH_WIDE_RULE, "istio-1.0/balanced-mutual-tls-bar.yaml"],
        quote=SIMILAR_TLS_BLOCK,
        expect=[Reachability(ALL_CLIENTS_MUTUAL)],
    ),
    Step(
        "legacy-in-plain-text",
        section=ISTIO_1_0.section("Request from Istio services to non-Istio services"),
        manifests=LEGACY_IN_PLAIN_TEXT,
        quote="To fix this issue, we can add a destination rule to overwrite the TLS setting for "
        "httpbin.legacy.",
        expect=[Reachability(LEGACY_REFUSED_BY_BOTH), *api_server("000/35")],
    ),
    Step(
        "api-server-in-plain-text",
        section=ISTIO_1_0.section("Request from Istio services to Kubernetes API server"),
        manifests=[*LEGACY_IN_PLAIN_TEXT, "istio-1.0/plain-text-api-server.yaml"],
        quote="Again, we can correct this by overriding the destination rule for the API server",
        expect=[Reachability(LEGACY_REFUSED_BY_BOTH), *api_server("200")],
    ),
    Step(
        "mesh-wide-rule-elsewhere",
        section=GLOBALLY,
        manifests=["istio-1.0/mesh-policy.yaml", "istio-1.0/mutual-tls-mesh-elsewhere.yaml"],
        quote="there is no restriction on the name or namespace for destination rule.",
        expect=[Reachability(ALL_CLIENTS_MUTUAL)],
    ),
    Step(
        "cleanup-1",
        section=ISTIO_1_0.section("Cleanup part 1"),
        quote="Remove global authentication policy and destination rules added in the session",
        expect=[Reachability(ALL_REACHABLE)],
    ),
    # Each is beside a policy that the document allows, which shows when both have arrived.
    *(
        Step(
            step,
            section=section,
            manifests=[f"istio-1.0/{manifest}.yaml", "istio-1.0/strict-httpbin-bar.yaml"],
            quote=quote,
            expect=[RefusedOrIgnored(BESIDE_A_POLICY_OF_BAR, what=step)],
        )
        for step, section, manifest, quote in (
            ("mesh-policy-of-another-name", GLOBALLY, "mesh-policy-other-name", NAMED_DEFAULT),
            ("mesh-policy-with-targets", GLOBALLY, "mesh-policy-targets", NAMED_DEFAULT),
            (
                "namespace-wide-policy-of-another-name",
                NAMESPACE_WIDE_POLICY,
                "strict-foo-other-name",
                "namespace-wide policy must be named default",
            ),
        )
    ),
]
