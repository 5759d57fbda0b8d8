"""The steps of the document, in its order: each the complete set of policies in force, and its grid."""

from __future__ import annotations

from fixtures.step import Step
from suites.grids import (
    ALL_REACHABLE,
    LEGACY_REFUSED_BY_BAR,
    LEGACY_REFUSED_BY_BOTH,
    LEGACY_REFUSED_BY_FOO,
)

SETUP = Step("setup", "Setup", says="All requests should succeed with HTTP code 200.", grid=ALL_REACHABLE)

AUTO_MUTUAL_TLS = Step(
    "auto-mutual-tls",
    "Auto mutual TLS",
    says="All traffic between workloads with proxies uses mutual TLS, without you doing anything. That "
    "header's presence is evidence that mutual TLS is used.",
    grid=ALL_REACHABLE,
)

# Mutual: the client, too, wants to know who the other one is.
SOMEBODY_ELSE = Step(
    "somebody-else-expected",
    "Auto mutual TLS",
    "current/expect-somebody-else-foo.yaml",
    says="Mutual TLS: a client rejects a server whose certificate names another identity than the expected.",
    grid="""
                foo     bar     legacy
        foo     503     200     200
        bar     503     200     200
        legacy  200     200     200
    """,
)

MESH_WIDE_STRICT = Step(
    "mesh-wide-strict",
    "Globally enabling Istio mutual TLS in STRICT mode",
    "current/strict-mesh.yaml",
    says="This peer authentication policy configures workloads to only accept requests encrypted with TLS. "
    "Requests still succeed, except for those from the client that doesn't have proxy.",
    grid=LEGACY_REFUSED_BY_BOTH,
)

CLEANUP_1 = Step(
    "cleanup-1",
    "Cleanup part 1",
    says="Remove global authentication policy added in the session.",
    grid=ALL_REACHABLE,
)

NAMESPACE_WIDE_STRICT = Step(
    "namespace-wide-strict",
    "Namespace-wide policy",
    "current/strict-foo.yaml",
    says="As this policy is applied on workloads in namespace foo only, you should see only request from "
    "client-without-sidecar (sleep.legacy) to httpbin.foo start to fail.",
    grid=LEGACY_REFUSED_BY_FOO,
)

WORKLOAD_STRICT = Step(
    "workload-strict",
    "Enable mutual TLS per workload",
    "current/strict-foo.yaml",
    "current/strict-httpbin-bar.yaml",
    says="Specify the labels that match the desired workload. As expected, request from sleep.legacy to "
    "httpbin.bar starts failing.",
    grid=LEGACY_REFUSED_BY_BOTH,
)

PORT_8080_DISABLED = Step(
    "port-8080-disabled",
    "Enable mutual TLS per workload",
    "current/strict-foo.yaml",
    "current/port-8080-disable-bar.yaml",
    says="Requires mutual TLS on all ports, except port 8080.",
    grid=LEGACY_REFUSED_BY_FOO,
)

# Note 1: "The port value in the peer authentication policy is the container's port." 8000 is the port of
# the Service, so that this policy disables nothing that httpbin listens on.
PORT_8000_DISABLED = Step(
    "port-8000-disabled",
    "Enable mutual TLS per workload, note 1",
    "current/strict-foo.yaml",
    "current/port-8000-disable-bar.yaml",
    says="The port value in the peer authentication policy is the container's port.",
    grid=LEGACY_REFUSED_BY_BOTH,
)

# A selector is a set of labels; of these two httpbin.bar has one.
OTHER_VERSION_STRICT = Step(
    "other-version-strict",
    "Enable mutual TLS per workload",
    "current/strict-foo.yaml",
    "current/strict-httpbin-v2-bar.yaml",
    says="Specify the labels that match the desired workload.",
    grid=LEGACY_REFUSED_BY_FOO,
)

PRECEDENCE = Step(
    "policy-precedence",
    "Policy precedence",
    "current/strict-foo.yaml",
    "current/port-8080-disable-bar.yaml",
    "current/overwrite-example-foo.yaml",
    says="A workload-specific peer authentication policy takes precedence over a namespace-wide policy.",
    grid=ALL_REACHABLE,
)

# The mesh's policy is STRICT as well, so that a namespace's own one can be seen to take precedence.
NAMESPACE_OVER_MESH = Step(
    "namespace-over-mesh",
    "Policy precedence",
    "current/strict-mesh.yaml",
    "current/permissive-foo.yaml",
    says="To change mutual TLS for all workloads within a particular namespace, use a namespace-wide policy.",
    grid=LEGACY_REFUSED_BY_BAR,
)

CLEANUP_2 = Step(
    "cleanup-2",
    "Cleanup part 2",
    says="Remove policies created in the above steps.",
    grid=ALL_REACHABLE,
)

# Note 2: a workload that no Service binds. The grid says what the rest of the playground does meanwhile.
# What must not change in the pod that no Service binds is looked at once a change is seen beside it.
UNBOUND_STRICT = Step(
    "unbound-strict",
    "Enable mutual TLS per workload, note 2",
    "current/strict-unbound-bar.yaml",
    "current/strict-httpbin-bar.yaml",
    says="Strict mutual TLS for a specific workload.",
    grid=LEGACY_REFUSED_BY_BAR,
)
UNBOUND_BESIDE_PORT_DISABLED = Step(
    "unbound-beside-port-disabled",
    "Enable mutual TLS per workload, note 2",
    "current/strict-unbound-bar.yaml",
    "current/port-8080-disable-bar.yaml",
    says="Refine the mutual TLS settings per port, for a specific workload.",
    grid=ALL_REACHABLE,
)
UNBOUND_PORT_DISABLED = Step(
    "unbound-port-disabled",
    "Enable mutual TLS per workload, note 2",
    "current/port-unbound-disable-bar.yaml",
    says="You can only use portLevelMtls if the port is bound to a service. Istio ignores it otherwise.",
    grid=ALL_REACHABLE,
)
