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

SETUP = Step("setup", "Setup", grid=ALL_REACHABLE)

# "Only the receiving side is configured": the clients send plain text, which httpbin.legacy can read.
MESH_POLICY = Step(
    "mesh-policy",
    GLOBALLY,
    "istio-1.0/mesh-policy.yaml",
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
    grid=ALL_CLIENTS_MUTUAL,
)

# "There is no restriction on the name or namespace for destination rule."
RULE_ELSEWHERE = Step(
    "mesh-wide-rule-elsewhere",
    GLOBALLY,
    "istio-1.0/mesh-policy.yaml",
    "istio-1.0/mutual-tls-mesh-elsewhere.yaml",
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
    grid=ALL_CLIENTS_MUTUAL,
)

LEGACY_IN_PLAIN_TEXT = Step(
    "legacy-in-plain-text",
    "Request from Istio services to non-Istio services",
    *MESH_WIDE_RULE.manifests,
    "istio-1.0/plain-text-legacy.yaml",
    grid=LEGACY_REFUSED_BY_BOTH,
)

API_SERVER_IN_PLAIN_TEXT = Step(
    "api-server-in-plain-text",
    "Request from Istio services to Kubernetes API server",
    *LEGACY_IN_PLAIN_TEXT.manifests,
    "istio-1.0/plain-text-api-server.yaml",
    grid=LEGACY_REFUSED_BY_BOTH,
)

CLEANUP_1 = Step("cleanup-1", "Cleanup part 1", grid=ALL_REACHABLE)

NAMESPACE_WIDE = Step(
    "namespace-wide",
    NAMESPACE_WIDE_POLICY,
    "istio-1.0/strict-foo.yaml",
    "istio-1.0/mutual-tls-foo.yaml",
    grid=LEGACY_REFUSED_BY_FOO,
)

# The document prints one line of its loop.
SERVICE_WIDE = Step(
    "service-specific",
    SERVICE_SPECIFIC,
    *NAMESPACE_WIDE.manifests,
    "istio-1.0/strict-httpbin-bar.yaml",
    "istio-1.0/mutual-tls-httpbin-bar.yaml",
    grid=LEGACY_REFUSED_BY_BOTH,
)

# "There is no restriction on the authentication policy and destination rule name."
ANY_NAMES = Step(
    "service-specific-any-names",
    SERVICE_SPECIFIC,
    *NAMESPACE_WIDE.manifests,
    "istio-1.0/strict-httpbin-bar-any-names.yaml",
    grid=LEGACY_REFUSED_BY_BOTH,
)

PORT_1234 = Step(
    "port-1234",
    SERVICE_SPECIFIC,
    *NAMESPACE_WIDE.manifests,
    "istio-1.0/port-1234-bar.yaml",
    "istio-1.0/mutual-tls-port-1234-bar.yaml",
    grid=LEGACY_REFUSED_BY_FOO,
)

PRECEDENCE = Step(
    "policy-precedence",
    "Policy precedence",
    *PORT_1234.manifests,
    "istio-1.0/overwrite-example-foo.yaml",
    "istio-1.0/plain-text-foo.yaml",
    grid=ALL_REACHABLE,
)

CLEANUP_2 = Step("cleanup-2", "Cleanup part 2", grid=ALL_REACHABLE)

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
