"""GatewayClass, Gateway and ReferenceGrant: listeners, and permitted references."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lab.kube.client import GroupResource, Object
from lab.mesh.model.hosts import fully_qualified, service_host

GROUP = "gateway.networking.k8s.io"
CLASSES = GroupResource(GROUP, "gatewayclasses")
GATEWAYS = GroupResource(GROUP, "gateways")
GRANTS = GroupResource(GROUP, "referencegrants")

CONTROLLER = "istio.io/gateway-controller"
UNMANAGED = "istio.io/unmanaged-gateway"
"""Of the class of gateways that are in other clusters: it is accepted, and they are left alone."""

SERVICE_TYPE = "networking.istio.io/service-type"
NAME_OVERRIDE = "gateway.istio.io/name-override"
SERVICE_ACCOUNT = "gateway.istio.io/service-account"

NAME_LABEL = "gateway.networking.k8s.io/gateway-name"
CLASS_LABEL = "gateway.networking.k8s.io/gateway-class-name"
MANAGED_LABEL = "gateway.istio.io/managed"
MANAGED = "istio.io-gateway-controller"

IP_ADDRESS, HOSTNAME = "IPAddress", "Hostname"

RouteKind = tuple[str, str]
"""API group and kind."""

HTTP_ROUTE: RouteKind = (GROUP, "HTTPRoute")
SERVED_KINDS: Mapping[str, tuple[RouteKind, ...]] = {"HTTP": (HTTP_ROUTE,)}
"""The kinds of routes for each protocol that a listener may have in this mesh."""


@dataclass(frozen=True)
class LabelSelector:
    """A LabelSelector; an empty one selects everything."""

    labels: Mapping[str, str] = field(default_factory=dict)
    expressions: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    """Key, operator and values."""

    def selects(self, labels: Mapping[str, str]) -> bool:
        return self.labels.items() <= labels.items() and all(
            _holds(labels.get(key), operator, values) for key, operator, values in self.expressions
        )


def _holds(value: str | None, operator: str, values: tuple[str, ...]) -> bool:
    if operator in ("In", "NotIn"):
        return (value in values) == (operator == "In")
    return operator in ("Exists", "DoesNotExist") and (value is not None) == (operator == "Exists")


@dataclass(frozen=True)
class Listener:
    """A port of a gateway, possibly for some hosts only."""

    name: str
    port: int
    protocol: str
    hostname: str = ""
    """A host, or a wildcard (`*.example.com`); empty: any."""
    routes_from: str = "Same"
    """`All`, `Same` or `Selector`: the namespaces whose routes may attach."""
    selector: LabelSelector | None = None
    kinds: tuple[RouteKind, ...] | None = None
    """Those that may attach; None: all that the protocol allows."""

    @property
    def supported_kinds(self) -> tuple[RouteKind, ...]:
        served = SERVED_KINDS.get(self.protocol, ())
        return served if self.kinds is None else tuple(kind for kind in self.kinds if kind in served)

    def allows_namespace(
        self, route: str, own: str, labels_of_namespaces: Mapping[str, Mapping[str, str]]
    ) -> bool:
        """Whether routes of the namespace `route` may attach to this listener of the namespace `own`."""
        if self.routes_from == "Selector":
            return self.selector is not None and self.selector.selects(labels_of_namespaces.get(route, {}))
        return self.routes_from == "All" or route == own


@dataclass(frozen=True)
class Gateway:
    """A gateway of a class of this mesh."""

    namespace: str
    name: str
    uid: str
    created: str
    generation: int
    class_name: str
    listeners: tuple[Listener, ...]
    addresses: tuple[tuple[str, str], ...] = ()
    """Type and value of what is asked for."""
    annotations: Mapping[str, str] = field(default_factory=dict)
    inherited_labels: Mapping[str, str] = field(default_factory=dict)
    inherited_annotations: Mapping[str, str] = field(default_factory=dict)
    """For everything that is made for this gateway: those of `infrastructure`, else the gateway's own."""

    @property
    def provisioned(self) -> bool:
        """Whether it gets its own Deployment; otherwise it uses existing Services."""
        kinds = [kind for kind, _ in self.addresses]
        return kinds in ([], [IP_ADDRESS])

    @property
    def resource_name(self) -> str:
        """Of its Deployment and Service."""
        return self.annotations.get(NAME_OVERRIDE) or f"{self.name}-{self.class_name}"

    @property
    def service_account(self) -> str:
        return self.annotations.get(SERVICE_ACCOUNT) or self.resource_name

    @property
    def service_type(self) -> str:
        return self.annotations.get(SERVICE_TYPE) or "LoadBalancer"

    @property
    def service_hosts(self) -> tuple[str, ...]:
        """The fully qualified names of the Services in front of its pods."""
        if self.provisioned:
            return (service_host(self.resource_name, self.namespace),)
        return tuple(
            fully_qualified(value, self.namespace) for kind, value in self.addresses if kind == HOSTNAME
        )

    @property
    def unsupported_addresses(self) -> tuple[str, ...]:
        if self.provisioned:
            return ()
        return tuple(value for kind, value in self.addresses if kind != HOSTNAME)


@dataclass(frozen=True)
class Grant:
    """ReferenceGrant: who (group, kind, namespace) may refer to what (group, kind, name or "" for any)."""

    namespace: str
    sources: frozenset[tuple[str, str, str]]
    targets: frozenset[tuple[str, str, str]]

    def allows(self, source: tuple[str, str, str], group: str, kind: str, name: str) -> bool:
        return source in self.sources and bool(
            {(group, kind, name), (group, kind, "")} & self.targets,
        )


def parse(obj: Object) -> Gateway:
    """The gateway that a (schema-valid) object declares."""
    metadata, spec = obj["metadata"], obj["spec"]
    infrastructure = spec.get("infrastructure") or {}
    return Gateway(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        created=metadata["creationTimestamp"],
        generation=metadata["generation"],
        class_name=spec["gatewayClassName"],
        listeners=tuple(map(_listener, spec["listeners"])),
        addresses=tuple((address["type"], address["value"]) for address in spec.get("addresses") or ()),
        annotations=metadata.get("annotations") or {},
        inherited_labels=_first(infrastructure.get("labels"), metadata.get("labels")),
        inherited_annotations=_first(infrastructure.get("annotations"), metadata.get("annotations")),
    )


def _first(*candidates: Mapping[str, str] | None) -> Mapping[str, str]:
    return next((each for each in candidates if each is not None), {})


def _listener(listener: Object) -> Listener:
    allowed = listener.get("allowedRoutes") or {}
    namespaces = allowed.get("namespaces") or {}
    selector = namespaces.get("selector")
    return Listener(
        name=listener["name"],
        port=listener["port"],
        protocol=listener["protocol"],
        hostname=listener.get("hostname") or "",
        routes_from=namespaces.get("from") or "Same",
        selector=_selector(selector) if selector is not None else None,
        kinds=tuple((kind.get("group", GROUP), kind["kind"]) for kind in allowed.get("kinds") or ()) or None,
    )


def _selector(selector: Object) -> LabelSelector:
    return LabelSelector(
        labels=selector.get("matchLabels") or {},
        expressions=tuple(
            (each["key"], each["operator"], tuple(each.get("values") or ()))
            for each in selector.get("matchExpressions") or ()
        ),
    )


def parse_grant(obj: Object) -> Grant:
    """The permission that a (schema-valid) object grants."""
    spec = obj["spec"]
    return Grant(
        namespace=obj["metadata"]["namespace"],
        sources=frozenset((each["group"], each["kind"], each["namespace"]) for each in spec["from"]),
        targets=frozenset((each["group"], each["kind"], each.get("name") or "") for each in spec["to"]),
    )
