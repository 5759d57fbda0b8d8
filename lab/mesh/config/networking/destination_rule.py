"""DestinationRule, as far as it configures a client's TLS for a service.

Which rules a client looks at, and what it does without any, is up to the policy API. Those for the same host
are merged: the oldest top-level traffic policy, the union of the subsets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lab.kube.client import GroupResource, Object
from lab.mesh.model.hosts import fully_qualified
from lab.mesh.model.proxy_config import TlsOrigination

KEY = GroupResource("networking.istio.io", "destinationrules")


@dataclass(frozen=True)
class TlsSettings:
    """`trafficPolicy.tls`."""

    mode: TlsOrigination
    sni: str = ""
    subject_alt_names: tuple[str, ...] = ()
    client_certificate: str = ""
    private_key: str = ""
    ca_certificates: str = ""
    insecure_skip_verify: bool = False


@dataclass(frozen=True)
class TrafficPolicy:
    """The part of a traffic policy that concerns TLS. `ports` is keyed by the service's port."""

    tls: TlsSettings | None
    ports: Mapping[int, TlsSettings | None]

    def tls_for(self, port: int) -> TlsSettings | None:
        """The entry of a port replaces everything, also when it says nothing of TLS."""
        return self.ports.get(port, self.tls)

    def mark_for(self, port: int) -> TlsSettings | None:
        """What endpoints are marked by: here an entry that says nothing of TLS replaces nothing."""
        return self.ports.get(port) or self.tls


@dataclass(frozen=True)
class Subset:
    name: str
    labels: Mapping[str, str]
    policy: TrafficPolicy | None

    def tls_for(self, port: int, rule: DestinationRule) -> TlsSettings | None:
        """The subset's own word, else the rule's."""
        if self.policy is not None and (port in self.policy.ports or self.policy.tls is not None):
            return self.policy.tls_for(port)
        return rule.tls_for(port)

    def mark_for(self, port: int, rule: DestinationRule) -> TlsSettings | None:
        """The subset's own word, else the rule's, by which endpoints are marked."""
        own = self.policy.mark_for(port) if self.policy is not None else None
        return own or rule.mark_for(port)


@dataclass(frozen=True)
class DestinationRule:
    namespace: str
    name: str
    created: str
    host: str
    """Fully qualified, or a wildcard."""
    export_to: tuple[str, ...]
    workload_selector: Mapping[str, str] | None
    """None: it is for every workload, and may be exported."""
    policy: TrafficPolicy | None
    subsets: tuple[Subset, ...]

    @property
    def age(self) -> tuple[str, str, str]:
        return (self.created, self.name, self.namespace)

    @property
    def exports(self) -> frozenset[str]:
        """What it is exported to; nothing is everything. A rule for workloads stays in its namespace."""
        return frozenset(self.export_to if self.workload_selector is None else ".")

    @property
    def private(self) -> bool:
        return self.exports in ({"."}, {self.namespace})

    def exported_to(self, namespace: str) -> bool:
        """Whether this rule applies to clients of another namespace."""
        return not self.exports or bool(self.exports & {"*", namespace})

    def tls_for(self, port: int) -> TlsSettings | None:
        return self.policy.tls_for(port) if self.policy is not None else None

    def mark_for(self, port: int) -> TlsSettings | None:
        return self.policy.mark_for(port) if self.policy is not None else None


def parse(obj: Object) -> DestinationRule:
    """The rule that a (schema-valid) object declares."""
    metadata, spec = obj["metadata"], obj.get("spec") or {}
    namespace = metadata["namespace"]
    return DestinationRule(
        namespace=namespace,
        name=metadata["name"],
        created=metadata["creationTimestamp"],
        host=fully_qualified(spec.get("host", "").lower(), namespace),
        export_to=tuple(spec.get("exportTo") or ()),
        workload_selector=_selected(spec.get("workloadSelector")),
        policy=_policy(spec.get("trafficPolicy")),
        subsets=tuple(
            Subset(subset["name"], subset.get("labels") or {}, _policy(subset.get("trafficPolicy")))
            for subset in spec.get("subsets") or ()
        ),
    )


def _selected(selector: Object | None) -> Mapping[str, str] | None:
    return None if selector is None else selector.get("matchLabels") or {}


def _policy(policy: Object | None) -> TrafficPolicy | None:
    if policy is None:
        return None
    return TrafficPolicy(
        tls=_tls(policy.get("tls")),
        ports={
            # Istio accepts a port without a number; no service has it.
            entry["port"].get("number") or 0: _tls(entry.get("tls"))
            for entry in policy.get("portLevelSettings") or ()
        },
    )


def _tls(tls: Object | None) -> TlsSettings | None:
    if tls is None:
        return None
    return TlsSettings(
        mode=TlsOrigination(tls.get("mode") or "DISABLE"),
        sni=tls.get("sni") or "",
        subject_alt_names=tuple(tls.get("subjectAltNames") or ()),
        client_certificate=tls.get("clientCertificate") or "",
        private_key=tls.get("privateKey") or "",
        ca_certificates=tls.get("caCertificates") or "",
        insecure_skip_verify=bool(tls.get("insecureSkipVerify")),
    )


def merge(rules: Sequence[DestinationRule]) -> DestinationRule:
    """One rule out of those for the same host, oldest first."""
    if len(rules) == 1:
        return rules[0]
    subsets: dict[str, Subset] = {}
    for rule in rules:
        for subset in rule.subsets:
            subsets.setdefault(subset.name, subset)
    oldest = rules[0]
    return DestinationRule(
        namespace=oldest.namespace,
        name=oldest.name,
        created=oldest.created,
        host=oldest.host,
        export_to=oldest.export_to,
        workload_selector=oldest.workload_selector,
        policy=next((rule.policy for rule in rules if rule.policy is not None), None),
        subsets=tuple(subsets.values()),
    )
