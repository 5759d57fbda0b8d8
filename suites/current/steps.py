"""The steps of the document, in its order: each the complete set of policies in force, and its grid."""

from __future__ import annotations

from fixtures.step import Step
from suites.grids import ALL_REACHABLE, LEGACY_REFUSED_BY_BOTH, LEGACY_REFUSED_BY_FOO

SETUP = Step("setup", "Setup", grid=ALL_REACHABLE)

MESH_WIDE_STRICT = Step(
    "mesh-wide-strict",
    "Globally enabling Istio mutual TLS in STRICT mode",
    "current/strict-mesh.yaml",
    grid=LEGACY_REFUSED_BY_BOTH,
)

CLEANUP_1 = Step("cleanup-1", "Cleanup part 1", grid=ALL_REACHABLE)

NAMESPACE_WIDE_STRICT = Step(
    "namespace-wide-strict", "Namespace-wide policy", "current/strict-foo.yaml", grid=LEGACY_REFUSED_BY_FOO
)

WORKLOAD_STRICT = Step(
    "workload-strict",
    "Enable mutual TLS per workload",
    "current/strict-foo.yaml",
    "current/strict-httpbin-bar.yaml",
    grid=LEGACY_REFUSED_BY_BOTH,
)

PORT_8080_DISABLED = Step(
    "port-8080-disabled",
    "Enable mutual TLS per workload",
    "current/strict-foo.yaml",
    "current/port-8080-disable-bar.yaml",
    grid=LEGACY_REFUSED_BY_FOO,
)

# Note 1: "The port value in the peer authentication policy is the container's port." 8000 is the port of
# the Service, so that this policy disables nothing that httpbin listens on.
PORT_8000_DISABLED = Step(
    "port-8000-disabled",
    "Enable mutual TLS per workload, note 1",
    "current/strict-foo.yaml",
    "current/port-8000-disable-bar.yaml",
    grid=LEGACY_REFUSED_BY_BOTH,
)

PRECEDENCE = Step(
    "policy-precedence",
    "Policy precedence",
    "current/strict-foo.yaml",
    "current/port-8080-disable-bar.yaml",
    "current/overwrite-example-foo.yaml",
    grid=ALL_REACHABLE,
)

CLEANUP_2 = Step("cleanup-2", "Cleanup part 2", grid=ALL_REACHABLE)

# Note 2: a workload that no Service binds. The grid says what the rest of the playground does meanwhile.
UNBOUND_STRICT = Step(
    "unbound-strict",
    "Enable mutual TLS per workload, note 2",
    "current/strict-unbound-bar.yaml",
    grid=ALL_REACHABLE,
)
UNBOUND_PORT_DISABLED = Step(
    "unbound-port-disabled",
    "Enable mutual TLS per workload, note 2",
    "current/port-unbound-disable-bar.yaml",
    grid=ALL_REACHABLE,
)
