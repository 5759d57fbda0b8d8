"""Faults in injection and traffic capture: which pods get a sidecar, and which traffic goes through it."""

from __future__ import annotations

from dataclasses import replace

from lab.faults.registry import fault
from lab.kube.client import PODS, Client, Object, clone
from lab.mesh.workloads.gateway_pods import is_gateway
from lab.mesh.workloads.injection import INJECT
from lab.node.images.programs import Launch
from lab.node.network.traffic_capture import PROXY_MARK, TABLE

# Both come before the rules of capture: the first address translation of a connection is final, and what
# bears the mark is taken for the proxy's own.
UNCAPTURED_INBOUND = """\
table ip fault {
  chain inbound {
    type nat hook prerouting priority dstnat - 1; policy accept;
    meta l4proto tcp redirect
  }
}
"""
UNCAPTURED_OUTBOUND = f"""\
table ip fault {{
  chain outbound {{
    type filter hook output priority mangle; policy accept;
    meta mark set {PROXY_MARK:#x}
  }}
}}
"""


@fault("Setup")
def inbound_not_captured(launch: Launch) -> Launch:
    """What comes to a workload goes past its proxy."""
    return with_capture_rules(launch, UNCAPTURED_INBOUND)


@fault("Auto mutual TLS")
def outbound_not_captured(launch: Launch) -> Launch:
    """What a workload sends goes past its proxy."""
    return with_capture_rules(launch, UNCAPTURED_OUTBOUND)


@fault("Setup")
def everybody_injected(cluster: Client) -> Client:
    """Pods get a sidecar also in namespaces that did not ask for it."""

    def injected(new: Object, old: Object | None) -> Object:
        if old is not None or is_gateway(new):
            return new
        pod: Object = clone(new)
        pod["metadata"].setdefault("labels", {}).setdefault(INJECT, "true")
        return pod

    cluster.admit(PODS, injected)
    return cluster


def with_capture_rules(launch: Launch, rules: str) -> Launch:
    """What sets up traffic capture in a pod, with these rules before its own; other programs as they are."""
    *program, script = launch.argv
    if not script.startswith(TABLE):
        return launch
    return replace(launch, argv=(*program, rules + script))
