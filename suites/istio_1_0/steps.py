"""The steps of the document's first half, in its order: each the complete set of policies in force.

The document's loops visit some of the clients and servers at a time. Here each grid has all of them, since a
policy must do what the document says, and nothing else.
"""

from __future__ import annotations

from fixtures.step import Step
from suites.grids import ALL_REACHABLE, LEGACY_REFUSED_BY_BOTH, LEGACY_REFUSED_BY_FOO

GLOBALLY = "Globally enabling Istio mutual TLS"
NAMESPACE_WIDE_POLICY = "Namespace-wide policy"
SERVICE_SPECIFIC = "Service-specific policy"

SETUP = Step("setup", "Setup", says="All requests should succeed with HTTP code 200.", grid=ALL_REACHABLE)

# "Only the receiving side is configured": the clients send plain text, which httpbin.legacy can read.
MESH_POLICY = Step(
    "mesh-policy",
    GLOBALLY,
    "istio-1.0/mesh-policy.yaml",
    says="Only the receiving side is configured to use mutual TLS. All requests between Istio services will "
    "fail with a 503 error code as the client side is still using plain-text.",
    grid="""
                foo     bar     legacy
        foo     503     503     200
        bar     503     503     200
        legacy  000/56  000/56  200
    """,
)

# The row of legacy is section "Request from non-Istio services to Istio services", for which "there is no
# solution", and its column is "Request from Istio services to non-Istio services".
ALL_CLIENTS_MUTUAL = """
                foo     bar     legacy
        foo     200     200     503
        bar     200     200     503
        legacy  000/56  000/56  200
"""

MESH_WIDE_RULE = Step(
    "mesh-wide-rule",
    GLOBALLY,
    "istio-1.0/mesh-policy.yaml",
    "istio-1.0/mutual-tls-mesh.yaml",
    says="You will see all requests between Istio-services are now completed successfully. Requests from "
    "sleep.legacy to httpbin.foo or httpbin.bar will fail.",
    grid=ALL_CLIENTS_MUTUAL,
)

# "There is no restriction on the name or namespace for destination rule."
RULE_ELSEWHERE = Step(
    "mesh-wide-rule-elsewhere",
    GLOBALLY,
    "istio-1.0/mesh-policy.yaml",
    "istio-1.0/mutual-tls-mesh-elsewhere.yaml",
    says="There is no restriction on the name or namespace for destination rule.",
    grid=ALL_CLIENTS_MUTUAL,
)

# "If a service requires a specific destination rule for any reason - for example, for a configuration load
# balancer - the rule must contain a similar TLS block with ISTIO_MUTUAL mode, as otherwise it will override
# the mesh- or namespace-wide TLS settings and disable TLS."
OVERRIDDEN_BY_A_RULE_WITHOUT_TLS = Step(
    "overridden-by-a-rule-without-tls",
    GLOBALLY,
    *MESH_WIDE_RULE.manifests,
    "istio-1.0/balanced-bar.yaml",
    says="The rule must contain a similar TLS block with ISTIO_MUTUAL mode, as otherwise it will override "
    "the mesh- or namespace-wide TLS settings and disable TLS.",
    grid="""
                foo     bar     legacy
        foo     200     503     503
        bar     200     503     503
        legacy  000/56  000/56  200
    """,
)
RULE_WITH_A_TLS_BLOCK = Step(
    "rule-with-a-tls-block",
    GLOBALLY,
    *MESH_WIDE_RULE.manifests,
    "istio-1.0/balanced-mutual-tls-bar.yaml",
    says="The rule must contain a similar TLS block with ISTIO_MUTUAL mode.",
    grid=ALL_CLIENTS_MUTUAL,
)

LEGACY_IN_PLAIN_TEXT = Step(
    "legacy-in-plain-text",
    "Request from Istio services to non-Istio services",
    *MESH_WIDE_RULE.manifests,
    "istio-1.0/plain-text-legacy.yaml",
    says="To fix this issue, we can add a destination rule to overwrite the TLS setting for httpbin.legacy.",
    grid=LEGACY_REFUSED_BY_BOTH,
)

API_SERVER_IN_PLAIN_TEXT = Step(
    "api-server-in-plain-text",
    "Request from Istio services to Kubernetes API server",
    *LEGACY_IN_PLAIN_TEXT.manifests,
    "istio-1.0/plain-text-api-server.yaml",
    says="Again, we can correct this by overriding the destination rule for the API server.",
    grid=LEGACY_REFUSED_BY_BOTH,
)

CLEANUP_1 = Step(
    "cleanup-1",
    "Cleanup part 1",
    says="Remove global authentication policy and destination rules added in the session.",
    grid=ALL_REACHABLE,
)

NAMESPACE_WIDE = Step(
    "namespace-wide",
    NAMESPACE_WIDE_POLICY,
    "istio-1.0/strict-foo.yaml",
    "istio-1.0/mutual-tls-foo.yaml",
    says="As these policy and destination rule are applied on services in namespace foo only, you should see "
    "only request from client-without-sidecar (sleep.legacy) to httpbin.foo start to fail.",
    grid=LEGACY_REFUSED_BY_FOO,
)

# The document prints one line of its loop.
SERVICE_WIDE = Step(
    "service-specific",
    SERVICE_SPECIFIC,
    *NAMESPACE_WIDE.manifests,
    "istio-1.0/strict-httpbin-bar.yaml",
    "istio-1.0/mutual-tls-httpbin-bar.yaml",
    says="As expected, request from sleep.legacy to httpbin.bar starts failing with the same reasons.",
    grid=LEGACY_REFUSED_BY_BOTH,
)

# "There is no restriction on the authentication policy and destination rule name."
ANY_NAMES = Step(
    "service-specific-any-names",
    SERVICE_SPECIFIC,
    *NAMESPACE_WIDE.manifests,
    "istio-1.0/strict-httpbin-bar-any-names.yaml",
    says="There is no restriction on the authentication policy and destination rule name.",
    grid=LEGACY_REFUSED_BY_BOTH,
)

PORT_1234 = Step(
    "port-1234",
    SERVICE_SPECIFIC,
    *NAMESPACE_WIDE.manifests,
    "istio-1.0/port-1234-bar.yaml",
    "istio-1.0/mutual-tls-port-1234-bar.yaml",
    says="This new policy will apply only to the httpbin service on port 1234. As a result, mutual TLS is "
    "disabled (again) on port 8000.",
    grid=LEGACY_REFUSED_BY_FOO,
)

# Port 8000 is that of the service; its pods listen on another one.
PORT_8000 = Step(
    "port-8000",
    SERVICE_SPECIFIC,
    *NAMESPACE_WIDE.manifests,
    "istio-1.0/port-8000-bar.yaml",
    "istio-1.0/mutual-tls-httpbin-bar.yaml",
    says="We edit the policy slightly to apply on a specific port of the httpbin service.",
    grid=LEGACY_REFUSED_BY_BOTH,
)

PRECEDENCE = Step(
    "policy-precedence",
    "Policy precedence",
    *PORT_1234.manifests,
    "istio-1.0/overwrite-example-foo.yaml",
    "istio-1.0/plain-text-foo.yaml",
    says="A service-specific policy takes precedence over namespace-wide policy.",
    grid=ALL_REACHABLE,
)

# Nothing tells clients to use mutual TLS; in foo they need not.
NAMESPACE_OVER_MESH = Step(
    "namespace-over-mesh",
    "Enable mutual TLS per namespace or service",
    "istio-1.0/mesh-policy.yaml",
    "istio-1.0/permissive-foo.yaml",
    says="A namespace-wide policy takes precedence over the mesh-wide policy.",
    grid="""
                foo     bar     legacy
        foo     200     503     200
        bar     200     503     200
        legacy  200     000/56  200
    """,
)

CLEANUP_2 = Step(
    "cleanup-2",
    "Cleanup part 2",
    says="Remove policies and destination rules created in the above steps.",
    grid=ALL_REACHABLE,
)

# Policies that the document forbids, each beside one that it allows and that shows when both have arrived.
# The grid is that of a mesh which takes the forbidden one, and ignores it.
BESIDE_A_POLICY_OF_BAR = """
                foo     bar     legacy
        foo     200     503     200
        bar     200     503     200
        legacy  200     000/56  200
"""

FORBIDDEN = [
    Step(
        name,
        section,
        f"istio-1.0/{manifest}.yaml",
        "istio-1.0/strict-httpbin-bar.yaml",
        grid=BESIDE_A_POLICY_OF_BAR,
    )
    for name, section, manifest in (
        ("mesh-policy-of-another-name", GLOBALLY, "mesh-policy-other-name"),
        ("mesh-policy-with-targets", GLOBALLY, "mesh-policy-targets"),
        ("namespace-wide-policy-of-another-name", NAMESPACE_WIDE_POLICY, "strict-foo-other-name"),
    )
]
