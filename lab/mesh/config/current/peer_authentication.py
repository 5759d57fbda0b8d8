"""PeerAuthentication: the mutual TLS mode of each port of a workload.

The rules (document "Authentication Policy", and Istio's own code where it is silent): the first mode that is
set counts, walking port, workload, namespace, mesh, and at last PERMISSIVE. At each scope the oldest policy
alone decides, even when it leaves the mode unset. In the root namespace a policy with a selector is ignored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from lab.kube.client import GroupResource, Object
from lab.mesh.model.proxy_config import MutualTls

KEY = GroupResource("security.istio.io", "peerauthentications")


@dataclass(frozen=True)
class PeerAuthentication:
    """One policy. A mode of None is UNSET: inherit."""

    namespace: str
    name: str
    created: str
    """RFC 3339 in UTC, so that text order is time order (to the second, as Kubernetes keeps it)."""
    selector: Mapping[str, str]
    mode: MutualTls | None
    port_modes: Mapping[int, MutualTls | None]
    """By the container's port."""

    @property
    def age(self) -> tuple[str, str, str]:
        """Sort key: the oldest policy, which decides, is first."""
        return (self.created, self.name, self.namespace)


def parse(obj: Object) -> PeerAuthentication:
    """The policy that a (schema-valid) object declares."""
    metadata, spec = obj["metadata"], obj.get("spec") or {}
    return PeerAuthentication(
        namespace=metadata["namespace"],
        name=metadata["name"],
        created=metadata["creationTimestamp"],
        selector=(spec.get("selector") or {}).get("matchLabels") or {},
        mode=_mode(spec.get("mtls")),
        port_modes={int(port): _mode(mtls) for port, mtls in (spec.get("portLevelMtls") or {}).items()},
    )


def _mode(mtls: Object | None) -> MutualTls | None:
    mode = (mtls or {}).get("mode") or "UNSET"
    return None if mode == "UNSET" else MutualTls(mode)


@dataclass(frozen=True)
class WorkloadModes:
    """The modes of one workload. `ports` has only ports for which a policy sets a mode."""

    default: MutualTls
    ports: Mapping[int, MutualTls] = field(default_factory=dict)

    def of(self, port: int) -> MutualTls:
        return self.ports.get(port, self.default)


class PeerAuthentications:
    """The policies in force, indexed for lookup."""

    def __init__(self, policies: Iterable[PeerAuthentication], root_namespace: str) -> None:
        self._root = root_namespace
        self._of_namespace: dict[str, PeerAuthentication] = {}
        self._of_workloads: dict[str, list[PeerAuthentication]] = {}
        for policy in sorted(policies, key=lambda each: each.age):
            if not policy.selector:
                self._of_namespace.setdefault(policy.namespace, policy)
            elif policy.namespace != root_namespace:
                self._of_workloads.setdefault(policy.namespace, []).append(policy)

    def namespace_mode(self, namespace: str) -> MutualTls:
        """The mode of a namespace, without policies of workloads: what auto mutual TLS considers first."""
        for scope in (namespace, self._root):
            policy = self._of_namespace.get(scope)
            if policy is not None and policy.mode is not None:
                return policy.mode
        return MutualTls.PERMISSIVE

    def workload_modes(self, namespace: str, labels: Mapping[str, str]) -> WorkloadModes:
        """The modes of the ports of a workload with these labels."""
        inherited = self.namespace_mode(namespace)
        for policy in self._of_workloads.get(namespace, ()):
            if policy.selector.items() <= labels.items():
                default = policy.mode or inherited
                # An unset port inherits the workload's result, which is what an absent one does as well.
                ports = {port: mode for port, mode in policy.port_modes.items() if mode is not None}
                return WorkloadModes(default, ports)
        return WorkloadModes(inherited)
