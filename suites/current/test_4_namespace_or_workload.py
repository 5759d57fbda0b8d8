"""Enable mutual TLS per namespace or workload, Policy precedence, and Cleanup part 2."""

from __future__ import annotations

from fixtures.expectations import (
    EveryPod,
    NamesBothEnds,
    NoClientCertificate,
    Reachability,
    UnboundPortOpen,
    UnboundPortRefused,
)
from fixtures.model.document import CURRENT
from fixtures.model.step import Step
from suites.current.features import PEER_AUTHENTICATION
from suites.grids import (
    ALL_REACHABLE,
    LEGACY_REFUSED_BY_BAR,
    LEGACY_REFUSED_BY_BOTH,
    LEGACY_REFUSED_BY_FOO,
    others,
)

NAMESPACE_WIDE_POLICY = CURRENT.section("Namespace-wide policy")
PER_WORKLOAD = "Enable mutual TLS per workload"
PRECEDENCE = CURRENT.section("Policy precedence")

NO_HEADER = (
    "The header's presence is evidence that mutual TLS is used: where that is disabled, it is not there."
)

STILL_MUTUAL = "Where mutual TLS is not disabled, it goes on to be used."

SELECTOR = "specify the labels that match the desired workload."
EXCEPT_8080 = "the following peer authentication policy requires mutual TLS on all ports, except port 8080"

# Note 2: a workload that no Service binds. The grid says what the rest of the playground does meanwhile.
# What must not change in the pod that no Service binds is looked at once a change is seen beside it.
NOTE_2 = CURRENT.section(PER_WORKLOAD, note=2)
ONLY_IF_BOUND = (
    "You can only use portLevelMtls if the port is bound to a service. Istio ignores it otherwise."
)

STEPS = [
    Step(
        "namespace-wide-strict",
        section=NAMESPACE_WIDE_POLICY,
        manifests=["current/strict-foo.yaml"],
        quote="As this policy is applied on workloads in namespace foo only, you should see only request "
        "from client-without-sidecar (sleep.legacy) to httpbin.foo start to fail.",
        features=PEER_AUTHENTICATION,
        expect=[
            Reachability(LEGACY_REFUSED_BY_FOO),
            others(
                """
                        another.foo     another.bar     foo:8001    bar:8001
                legacy  000/56          200             000/56      200
                """
            ),
        ],
    ),
    Step(
        "workload-strict",
        section=CURRENT.section(PER_WORKLOAD),
        manifests=["current/strict-foo.yaml", "current/strict-httpbin-bar.yaml"],
        quote=f"{SELECTOR} [...] As expected, request from sleep.legacy to httpbin.bar starts failing with "
        "the same reasons.",
        features=PEER_AUTHENTICATION,
        expect=[
            Reachability(LEGACY_REFUSED_BY_BOTH),
            others(
                """
                        another.foo     another.bar     foo:8001    bar:8001
                legacy  000/56          200             000/56      000/56
                """
            ),
            EveryPod("legacy", "bar", "000/56"),
        ],
    ),
    Step(
        "port-8080-disabled",
        section=CURRENT.section(PER_WORKLOAD),
        manifests=["current/strict-foo.yaml", "current/port-8080-disable-bar.yaml"],
        quote=EXCEPT_8080,
        features=PEER_AUTHENTICATION,
        expect=[
            Reachability(LEGACY_REFUSED_BY_FOO),
            others(
                """
                        another.foo     another.bar     foo:8001    bar:8001
                foo     200             200             200         200
                legacy  000/56          200             000/56      000/56
                """
            ),
            EveryPod("legacy", "bar", "200"),
            NamesBothEnds("foo", "bar:8001", test="mutual-tls-elsewhere", asks=STILL_MUTUAL),
            NoClientCertificate(
                "foo",
                "bar",
                test="no-mutual-tls-where-it-is-disabled",
                label="port-8080-disabled-foo-bar",
                asks=NO_HEADER,
            ),
        ],
    ),
    # 8000 is the port of the Service, so that this policy disables nothing that httpbin listens on.
    Step(
        "port-8000-disabled",
        section=CURRENT.section(PER_WORKLOAD, note=1),
        manifests=["current/strict-foo.yaml", "current/port-8000-disable-bar.yaml"],
        quote="The port value in the peer authentication policy is the container's port.",
        features=PEER_AUTHENTICATION,
        expect=[
            Reachability(LEGACY_REFUSED_BY_BOTH),
            others(
                """
                        another.bar     bar:8001
                legacy  200             000/56
                """
            ),
        ],
    ),
    # A selector is a set of labels; of these two httpbin.bar has one.
    Step(
        "other-version-strict",
        section=CURRENT.section(PER_WORKLOAD),
        manifests=["current/strict-foo.yaml", "current/strict-httpbin-v2-bar.yaml"],
        quote=SELECTOR,
        features=PEER_AUTHENTICATION,
        expect=[Reachability(LEGACY_REFUSED_BY_FOO)],
    ),
    Step(
        "policy-precedence",
        section=PRECEDENCE,
        manifests=[
            "current/strict-foo.yaml",
            "current/port-8080-disable-bar.yaml",
            "current/overwrite-example-foo.yaml",
        ],
        quote="A workload-specific peer authentication policy takes precedence over a namespace-wide policy.",
        features=PEER_AUTHENTICATION,
        expect=[
            Reachability(ALL_REACHABLE),
            others(
                """
                        another.foo     another.bar     foo:8001    bar:8001
                bar     200             200             200         200
                legacy  000/56          200             200         000/56
                """
            ),
            NamesBothEnds("bar", "another.foo", test="mutual-tls-elsewhere", asks=STILL_MUTUAL),
            NoClientCertificate(
                "bar",
                "foo",
                test="no-mutual-tls-where-it-is-disabled",
                label="policy-precedence-bar-foo",
                asks=NO_HEADER,
            ),
        ],
    ),
    # The mesh's policy is STRICT as well, so that a namespace's own one can be seen to take precedence.
    Step(
        "namespace-over-mesh",
        section=NAMESPACE_WIDE_POLICY,
        manifests=["current/strict-mesh.yaml", "current/permissive-foo.yaml"],
        quote="To change mutual TLS for all workloads within a particular namespace, use a namespace-wide "
        "policy.",
        features=PEER_AUTHENTICATION,
        expect=[
            Reachability(LEGACY_REFUSED_BY_BAR),
            others(
                """
                        another.foo     another.bar     foo:8001    bar:8001
                legacy  200             000/56          200         000/56
                """
            ),
        ],
    ),
    Step(
        "cleanup-2",
        section=CURRENT.section("Cleanup part 2"),
        quote="Remove policies created in the above steps",
        features=PEER_AUTHENTICATION,
        expect=[
            Reachability(ALL_REACHABLE),
            others(
                """
                        another.foo     another.bar     foo:8001    bar:8001
                legacy  200             200             200         200
                """
            ),
        ],
    ),
    Step(
        "unbound-strict",
        section=NOTE_2,
        manifests=["current/strict-unbound-bar.yaml", "current/strict-httpbin-bar.yaml"],
        quote=ONLY_IF_BOUND,
        features=PEER_AUTHENTICATION,
        expect=[
            Reachability(LEGACY_REFUSED_BY_BAR),
            UnboundPortRefused(asks="Strict mutual TLS for a workload that no Service binds."),
        ],
    ),
    Step(
        "unbound-beside-port-disabled",
        section=NOTE_2,
        manifests=["current/strict-unbound-bar.yaml", "current/port-8080-disable-bar.yaml"],
        quote=ONLY_IF_BOUND,
        features=PEER_AUTHENTICATION,
        expect=[
            Reachability(ALL_REACHABLE),
            UnboundPortRefused(asks="Settings per port are for the workload that the policy selects."),
        ],
    ),
    Step(
        "unbound-port-disabled",
        section=NOTE_2,
        manifests=["current/port-unbound-disable-bar.yaml"],
        quote=ONLY_IF_BOUND,
        features=PEER_AUTHENTICATION,
        expect=[Reachability(ALL_REACHABLE), UnboundPortOpen()],
    ),
]
