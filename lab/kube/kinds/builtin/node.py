"""Nodes."""

from __future__ import annotations

from lab.kube.group_resources import NODES
from lab.kube.kinds.printers import AGE, NAME, NONE, Column, joined, spec_of, status_of
from lab.kube.kinds.resources import native
from lab.kube.kinds.strategies import Strategy
from lab.kube.objects import Object


def _node_status(node: Object) -> str:
    conditions = status_of(node).get("conditions") or []
    ready = next((c.get("status") for c in conditions if c.get("type") == "Ready"), None)
    words = [{"True": "Ready", "False": "NotReady"}.get(ready or "", "Unknown")]
    if spec_of(node).get("unschedulable"):
        words.append("SchedulingDisabled")
    return ",".join(words)


def _node_roles(node: Object) -> str:
    prefix = "node-role.kubernetes.io/"
    return joined(
        sorted(
            label.removeprefix(prefix)
            for label in node["metadata"].get("labels") or {}
            if label.startswith(prefix)
        )
    )


def _node_address(node: Object, kind: str) -> str:
    addresses = status_of(node).get("addresses") or []
    return next((str(a["address"]) for a in addresses if a.get("type") == kind), NONE)


def _node_info(node: Object, field: str) -> str:
    return (status_of(node).get("nodeInfo") or {}).get(field) or "<unknown>"


RESOURCES = (
    native(
        "io.k8s.api.core.v1.Node",
        NODES,
        namespaced=False,
        short_names=("no",),
        subresources=("status",),
        fields=("spec.unschedulable",),
        columns=(
            NAME,
            Column("Status", _node_status),
            Column("Roles", _node_roles),
            AGE,
            Column("Version", lambda obj: _node_info(obj, "kubeletVersion")),
            Column("Internal-IP", lambda obj: _node_address(obj, "InternalIP"), priority=1),
            Column("External-IP", lambda obj: _node_address(obj, "ExternalIP"), priority=1),
            Column("OS-Image", lambda obj: _node_info(obj, "osImage"), priority=1),
            Column("Kernel-Version", lambda obj: _node_info(obj, "kernelVersion"), priority=1),
            Column("Container-Runtime", lambda obj: _node_info(obj, "containerRuntimeVersion"), priority=1),
        ),
        strategy=Strategy(keeps_status=True),
    ),
)
