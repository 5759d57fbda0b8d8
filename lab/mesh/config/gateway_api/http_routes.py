"""HTTPRoute: where the gateways to which it is attached send requests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from lab.golang.durations import seconds
from lab.golang.regexp import NotAnExpression
from lab.kube.client import GroupResource, Object
from lab.mesh.config.gateway_api.cel_rules import FILTERS
from lab.mesh.config.gateway_api.gateways import GROUP
from lab.mesh.envoy import expressions
from lab.mesh.model.routing import (
    HeaderChanges,
    NamedMatch,
    PathChange,
    Redirect,
    RequestMatch,
    TextMatch,
    TextMatching,
)

HTTP_ROUTES = GroupResource(GROUP, "httproutes")

SERVED_FILTERS = frozenset(
    {"RequestHeaderModifier", "ResponseHeaderModifier", "RequestRedirect", "URLRewrite"}
)
BACKEND_FILTERS = frozenset({"RequestHeaderModifier", "ResponseHeaderModifier"})
"""Those that this mesh has, for a rule and for one of its backends."""


@dataclass(frozen=True)
class ParentReference:
    """A gateway, or one or several of its listeners."""

    group: str
    kind: str
    namespace: str
    name: str
    section: str = ""
    port: int | None = None
    written: Object = field(default_factory=dict, compare=False)
    """As the route says it; the report repeats it."""


@dataclass(frozen=True)
class Backend:
    """Where a rule sends requests. An empty namespace is that of the route."""

    group: str
    kind: str
    namespace: str
    name: str
    port: int | None
    weight: int = 1
    request_headers: HeaderChanges = field(default_factory=HeaderChanges)
    response_headers: HeaderChanges = field(default_factory=HeaderChanges)


@dataclass(frozen=True)
class Rule:
    """One rule; its matches are alternatives."""

    matches: tuple[RequestMatch, ...]
    backends: tuple[Backend, ...] = ()
    redirect: Redirect | None = None
    request_headers: HeaderChanges = field(default_factory=HeaderChanges)
    response_headers: HeaderChanges = field(default_factory=HeaderChanges)
    path: PathChange = field(default_factory=PathChange)
    host: str = ""
    """In the place of the request's; empty: it stays."""
    timeout_s: float = 0.0
    problems: tuple[str, ...] = ()
    """What keeps this mesh from obeying the rule."""


@dataclass(frozen=True)
class HttpRoute:
    namespace: str
    name: str
    created: str
    generation: int
    parents: tuple[ParentReference, ...]
    hostnames: tuple[str, ...]
    rules: tuple[Rule, ...]

    @property
    def age(self) -> tuple[str, str]:
        """Sort key: of otherwise equal routes, the first one wins."""
        return self.created, f"{self.namespace}/{self.name}"

    @property
    def problems(self) -> tuple[str, ...]:
        """What keeps this mesh from serving the route."""
        return tuple(dict.fromkeys(problem for rule in self.rules for problem in rule.problems))


def parse(obj: Object) -> HttpRoute:
    """The route that a (schema-valid) object declares."""
    metadata, spec = obj["metadata"], obj["spec"]
    return HttpRoute(
        namespace=metadata["namespace"],
        name=metadata["name"],
        created=metadata["creationTimestamp"],
        generation=metadata["generation"],
        parents=tuple(_parent(each, metadata["namespace"]) for each in spec.get("parentRefs") or ()),
        hostnames=tuple(spec.get("hostnames") or ()),
        rules=tuple(map(_rule, spec.get("rules") or ())),
    )


def _parent(reference: Object, own_namespace: str) -> ParentReference:
    return ParentReference(
        group=reference.get("group", GROUP),
        kind=reference.get("kind", "Gateway"),
        namespace=reference.get("namespace") or own_namespace,
        name=reference["name"],
        section=reference.get("sectionName") or "",
        port=reference.get("port"),
        written=reference,
    )


def _rule(rule: Object) -> Rule:
    filters = _filters(rule.get("filters") or ())
    backends = rule.get("backendRefs") or ()
    matches = tuple(map(_match, rule.get("matches") or ({},)))
    redirect, rewrite = filters.get("RequestRedirect"), filters.get("URLRewrite") or {}
    return Rule(
        matches=matches,
        backends=tuple(map(_backend, backends)),
        redirect=_redirect(redirect) if redirect is not None else None,
        request_headers=_changes(filters.get("RequestHeaderModifier")),
        response_headers=_changes(filters.get("ResponseHeaderModifier")),
        path=_path_change(rewrite.get("path")),
        host=rewrite.get("hostname") or "",
        timeout_s=seconds((rule.get("timeouts") or {}).get("request") or "0s"),
        problems=(*_unsupported_filters(rule), *_bad_expressions(matches)),
    )


def _unsupported_filters(rule: Object) -> Iterator[str]:
    backends = rule.get("backendRefs") or ()
    for place, served in ((rule, SERVED_FILTERS), *((backend, BACKEND_FILTERS) for backend in backends)):
        for kind in _filters(place.get("filters") or ()):
            if kind not in served:
                yield f'unsupported filter type "{kind}"'


def _bad_expressions(matches: Iterable[RequestMatch]) -> Iterator[str]:
    """A proxy would take nothing at all that contains one of them."""
    for match in matches:
        texts = (match.path, *(each.value for each in (*match.headers, *match.query)))
        for text in texts:
            if text is not None and text.matching is TextMatching.REGEX:
                try:
                    expressions.check(text.text)
                except NotAnExpression as error:
                    yield f'invalid regular expression "{text.text}": {error}'


def _filters(filters: Iterable[Object]) -> dict[str, Object]:
    return {each["type"]: each.get(FILTERS[each["type"]]) or {} for each in filters}


def _backend(backend: Object) -> Backend:
    filters = _filters(backend.get("filters") or ())
    return Backend(
        group=backend.get("group") or "",
        kind=backend.get("kind", "Service"),
        namespace=backend.get("namespace") or "",
        name=backend["name"],
        port=backend.get("port"),
        weight=backend.get("weight", 1),
        request_headers=_changes(filters.get("RequestHeaderModifier")),
        response_headers=_changes(filters.get("ResponseHeaderModifier")),
    )


def _changes(changes: Object | None) -> HeaderChanges:
    changes = changes or {}
    return HeaderChanges(
        set=tuple((each["name"], each["value"]) for each in changes.get("set") or ()),
        add=tuple((each["name"], each["value"]) for each in changes.get("add") or ()),
        remove=tuple(changes.get("remove") or ()),
    )


def _redirect(redirect: Object) -> Redirect:
    scheme, port = redirect.get("scheme") or "", redirect.get("port")
    if port is None and scheme:
        port = {"http": 80, "https": 443}[scheme]
    return Redirect(
        status=redirect.get("statusCode") or 302,
        scheme=scheme,
        host=redirect.get("hostname") or "",
        port=port,
        path=_path_change(redirect.get("path")),
    )


def _path_change(change: Object | None) -> PathChange:
    if change is None:
        return PathChange()
    if change["type"] == "ReplaceFullPath":
        return PathChange(full=change["replaceFullPath"] or "/")
    return PathChange(prefix=change["replacePrefixMatch"])


_PATHS = {
    "Exact": TextMatching.EXACT,
    "PathPrefix": TextMatching.SEGMENTS,
    "RegularExpression": TextMatching.REGEX,
}


def _match(match: Object) -> RequestMatch:
    path = match.get("path") or {"type": "PathPrefix", "value": "/"}
    method = match.get("method")
    return RequestMatch(
        path=_path(path.get("type", "PathPrefix"), path.get("value", "/")),
        method=TextMatch(TextMatching.EXACT, method) if method else None,
        headers=_named(match.get("headers") or (), lower=True),
        query=_named(match.get("queryParams") or (), lower=False),
    )


def _path(kind: str, value: str) -> TextMatch:
    if kind == "PathPrefix":
        segments = value.rstrip("/")
        return TextMatch(TextMatching.SEGMENTS, segments) if segments else TextMatch(TextMatching.PREFIX, "/")
    return TextMatch(TextMatching.EXACT if kind == "Exact" else TextMatching.REGEX, value)


def _named(entries: Iterable[Object], *, lower: bool) -> tuple[NamedMatch, ...]:
    """Of several entries for one name the first counts; header names differ by more than case."""
    found: dict[str, NamedMatch] = {}
    for entry in entries:
        name = entry["name"].lower() if lower else entry["name"]
        kind = TextMatching.REGEX if entry.get("type") == "RegularExpression" else TextMatching.EXACT
        found.setdefault(name, NamedMatch(name, TextMatch(kind, entry["value"])))
    return tuple(found.values())
