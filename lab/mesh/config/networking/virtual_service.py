"""VirtualService: the routes for some hosts at the gateways to which it is bound."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from lab.golang.durations import seconds
from lab.kube.client import GroupResource, Object
from lab.mesh.model.hosts import fully_qualified
from lab.mesh.model.routing import (
    ClaimMatch,
    HeaderChanges,
    NamedMatch,
    PathChange,
    Redirect,
    RequestMatch,
    Respond,
    TextMatch,
    TextMatching,
)

KEY = GroupResource("networking.istio.io", "virtualservices")

MESH = "mesh"
"""The name that stands for all sidecars, and the only binding of a rule that names none."""

CLAIMS = "@request.auth.claims"
"""How a name begins, in any case, that is a claim's and no header's: `.a.b` follows, or `[a][b]`."""

AUTHORITY = frozenset({"host", ":authority"})


@dataclass(frozen=True)
class RouteDestination:
    """A destination as written; without a port, that of the service."""

    host: str
    """Fully qualified."""
    port: int | None
    subset: str
    weight: int
    request_headers: HeaderChanges
    response_headers: HeaderChanges


@dataclass(frozen=True)
class HttpMatch:
    """One of several matches of a route, with what restricts it to some gateways."""

    request: RequestMatch
    port: int | None
    gateways: tuple[str, ...]
    source_labels: Mapping[str, str]
    source_namespace: str


@dataclass(frozen=True)
class HttpRoute:
    """One entry of `http`. Of `destinations`, `redirect` and `respond` one is there."""

    name: str
    matches: tuple[HttpMatch, ...]
    """Alternatives; none: every request."""
    destinations: tuple[RouteDestination, ...]
    redirect: Redirect | None
    respond: Respond | None
    rewrite_path: PathChange
    authority: str
    timeout_s: float
    retries: int
    request_headers: HeaderChanges
    response_headers: HeaderChanges


@dataclass(frozen=True)
class VirtualService:
    namespace: str
    name: str
    created: str
    hosts: tuple[str, ...]
    gateways: tuple[str, ...]
    """In full (`namespace/name`), or `mesh`."""
    export_to: tuple[str, ...]
    http: tuple[HttpRoute, ...]

    @property
    def age(self) -> tuple[str, str, str]:
        return (self.created, self.name, self.namespace)

    def exported_to(self, namespace: str) -> bool:
        """Whether proxies of this namespace may use it."""
        if not self.export_to or "*" in self.export_to or namespace in self.export_to:
            return True
        return "." in self.export_to and namespace == self.namespace


def parse(obj: Object) -> VirtualService:
    """The routes that a (schema-valid) object declares."""
    metadata, spec = obj["metadata"], obj.get("spec") or {}
    namespace = metadata["namespace"]
    return VirtualService(
        namespace=namespace,
        name=metadata["name"],
        created=metadata["creationTimestamp"],
        hosts=tuple(fully_qualified(host, namespace) for host in spec.get("hosts") or ()),
        gateways=gateway_names(spec.get("gateways") or (MESH,), namespace),
        export_to=tuple(spec.get("exportTo") or ()),
        http=tuple(_route(route, namespace) for route in spec.get("http") or ()),
    )


def gateway_names(names: Iterable[str], namespace: str) -> tuple[str, ...]:
    """Gateways in full. `name.namespace`, the older notation, is understood as well."""
    return tuple(_gateway_name(name, namespace) for name in names)


def _gateway_name(name: str, namespace: str) -> str:
    if name == MESH:
        return name
    before, slash, after = name.partition("/")
    if slash:
        return f"{namespace if before == '.' else before}/{after}"
    first, dot, rest = name.partition(".")
    return f"{rest.partition('.')[0]}/{first}" if dot else f"{namespace}/{name}"


def _route(route: Object, namespace: str) -> HttpRoute:
    headers = route.get("headers") or {}
    rewrite = route.get("rewrite") or {}
    request_headers, authority = _changes(headers.get("request"))
    return HttpRoute(
        name=route.get("name") or "",
        matches=tuple(_match(match, namespace) for match in route.get("match") or ()),
        destinations=tuple(_destination(each, namespace) for each in route.get("route") or ()),
        redirect=_redirect(route["redirect"]) if route.get("redirect") else None,
        respond=_respond(route["directResponse"]) if route.get("directResponse") else None,
        rewrite_path=_rewrite(rewrite),
        authority=rewrite.get("authority") or authority,
        timeout_s=seconds(route.get("timeout") or "0s"),
        retries=(route.get("retries") or {}).get("attempts", 2),
        request_headers=request_headers,
        response_headers=_changes(headers.get("response"))[0],
    )


def _destination(entry: Object, namespace: str) -> RouteDestination:
    destination, headers = entry["destination"], entry.get("headers") or {}
    return RouteDestination(
        host=fully_qualified(destination["host"].lower(), namespace),
        port=(destination.get("port") or {}).get("number"),
        subset=destination.get("subset") or "",
        weight=entry.get("weight") or 0,
        request_headers=_changes(headers.get("request"))[0],
        response_headers=_changes(headers.get("response"))[0],
    )


def _match(match: Object, namespace: str) -> HttpMatch:
    def text(field: str, *, ignore_case: bool = False) -> TextMatch | None:
        return _text(match[field], ignore_case=ignore_case) if field in match else None

    fields = ("headers", "withoutHeaders", "queryParams")
    wanted, unwanted, queried = (match.get(field) or {} for field in fields)
    return HttpMatch(
        request=RequestMatch(
            path=text("uri", ignore_case=bool(match.get("ignoreUriCase"))),
            method=text("method"),
            scheme=text("scheme"),
            authority=text("authority"),
            headers=(*_headers(wanted), *_headers(unwanted, negated=True)),
            query=tuple(NamedMatch(name, _text(value)) for name, value in queried.items()),
            claims=(*_claims(wanted), *_claims(unwanted, negated=True)),
        ),
        port=match.get("port"),
        gateways=gateway_names(match.get("gateways") or (), namespace),
        source_labels=match.get("sourceLabels") or {},
        source_namespace=match.get("sourceNamespace") or "",
    )


def _headers(entries: Object, *, negated: bool = False) -> Iterator[NamedMatch]:
    for name, value in entries.items():
        if claim_path(name) is None:
            # A star is no expression: with Istio it stands for whatever a header says.
            text = TextMatch(TextMatching.PRESENT) if value.get("regex") == "*" else _text(value)
            yield NamedMatch(name.lower(), text, negated)


def _claims(entries: Object, *, negated: bool = False) -> Iterator[ClaimMatch]:
    for name, value in entries.items():
        if path := claim_path(name):
            yield ClaimMatch(path, _text(value), negated)


def claim_path(name: str) -> tuple[str, ...] | None:
    """A claim's name and those within it, where the name of a header may stand; None for a header."""
    if not name.lower().startswith(CLAIMS):
        return None
    rest = name[len(CLAIMS) :]
    if len(rest) > 1 and rest.startswith("."):
        return tuple(rest[1:].split("."))
    if len(rest) > 2 and rest.startswith("[") and rest.endswith("]"):
        return tuple(rest[1:-1].split("]["))
    return None


def _text(value: Mapping[str, str], *, ignore_case: bool = False) -> TextMatch:
    for matching in (TextMatching.EXACT, TextMatching.PREFIX, TextMatching.REGEX):
        # Everything begins with nothing.
        if matching.value in value and (value[matching.value] or matching is not TextMatching.PREFIX):
            return TextMatch(matching, value[matching.value], ignore_case)
    return TextMatch(TextMatching.PRESENT)


def _rewrite(rewrite: Object) -> PathChange:
    if expression := rewrite.get("uriRegexRewrite"):
        return PathChange(regex=expression["match"], substitution=expression.get("rewrite") or "")
    return PathChange(prefix=rewrite.get("uri") or None)


def _redirect(redirect: Object) -> Redirect:
    port = redirect.get("port")
    if redirect.get("derivePort") == "FROM_PROTOCOL_DEFAULT":
        port = 443 if redirect.get("scheme") == "https" else 80
    return Redirect(
        status=redirect.get("redirectCode") or 301,
        scheme=redirect.get("scheme") or "",
        host=redirect.get("authority") or "",
        port=port,
        path=PathChange(full=redirect.get("uri") or None, prefix=redirect.get("prefixRewrite") or None),
    )


def _respond(response: Object) -> Respond:
    body = response.get("body") or {}
    text = body.get("string") or base64.b64decode(body.get("bytes") or "").decode(errors="replace")
    return Respond(response["status"], text)


def _changes(headers: Object | None) -> tuple[HeaderChanges, str]:
    """The changes, and the authority to set: it is no header like the others."""
    headers = headers or {}
    pairs = headers.get("set") or {}
    authority = next((value for name, value in pairs.items() if name.lower() in AUTHORITY), "")

    def others(names: Iterable[str]) -> list[str]:
        return [name for name in names if name.lower() not in AUTHORITY and not name.startswith(":")]

    added = headers.get("add") or {}
    changes = HeaderChanges(
        set=tuple((name, pairs[name]) for name in others(pairs)),
        add=tuple((name, added[name]) for name in others(added)),
        remove=tuple(others(headers.get("remove") or ())),
    )
    return changes, authority
