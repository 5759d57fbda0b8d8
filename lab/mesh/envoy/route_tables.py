"""The routes of a gateway's listener, as an Envoy route configuration."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from lab.mesh.envoy import jwt
from lab.mesh.envoy.clusters import destination_name
from lab.mesh.envoy.outbound import RETRIES
from lab.mesh.envoy.proto import Message
from lab.mesh.model.routing import (
    LONGEST_BODY,
    ClaimMatch,
    Destination,
    Forward,
    HeaderChanges,
    NamedMatch,
    PathChange,
    Redirect,
    RequestMatch,
    Respond,
    Route,
    TextMatch,
    TextMatching,
    VirtualHost,
)

REDIRECTS = {
    301: "MOVED_PERMANENTLY",
    302: "FOUND",
    303: "SEE_OTHER",
    307: "TEMPORARY_REDIRECT",
    308: "PERMANENT_REDIRECT",
}
UNKNOWN_CLUSTER = {503: "SERVICE_UNAVAILABLE", 404: "NOT_FOUND", 500: "INTERNAL_SERVER_ERROR"}


def build(name: str, virtual_hosts: Sequence[VirtualHost]) -> Message:
    """One route configuration. A request that finds nothing in it is answered with 404 and an empty body."""
    return {
        "name": name,
        "virtual_hosts": [_virtual_host(host, name) for host in virtual_hosts],
        "validate_clusters": False,
        "ignore_port_in_host_matching": True,
        "max_direct_response_body_size_bytes": LONGEST_BODY,
    }


def _virtual_host(host: VirtualHost, name: str) -> Message:
    built: Message = {
        "name": f"{host.domains[0]}:{name.rpartition('.')[2]}",
        "domains": list(host.domains),
        "include_request_attempt_count": True,
        "routes": [_route(route) for route in host.routes],
    }
    return built | {"require_tls": "ALL"} if host.https_redirect else built


def _route(route: Route) -> Message:
    return {
        **({"name": route.name} if route.name else {}),
        "match": _match(route.match),
        **_action(route),
        **_header_changes(route.request_headers, route.response_headers),
    }


def _action(route: Route) -> Message:
    action = route.action
    if isinstance(action, Respond):
        body = {"body": {"inline_string": action.body}} if action.body else {}
        return {"direct_response": {"status": action.status} | body}
    if isinstance(action, Redirect):
        return {"redirect": _redirect(action, route.match)}
    used = [each for each in action.destinations if each.weight > 0]
    if not used:
        return {"direct_response": {"status": action.unknown_status}}
    return {"route": _forward(action, used, route.match)}


def _match(match: RequestMatch) -> Message:
    pseudo = {":method": match.method, ":authority": match.authority, ":scheme": match.scheme}
    headers = [_named(NamedMatch(name, value)) for name, value in pseudo.items() if value is not None]
    headers += [_named(each) for each in match.headers]
    query = [
        {"name": each.name} | (_present() if _any(each.value) else {"string_match": _text(each.value)})
        for each in match.query
    ]
    return {
        **_path(match.path),
        **({"headers": headers} if headers else {}),
        **({"query_parameters": query} if query else {}),
        **({"dynamic_metadata": [_claim(each) for each in match.claims]} if match.claims else {}),
    }


def _path(path: TextMatch | None) -> Message:
    if path is None or _any(path):
        return {"prefix": "/"}
    sensitive = {"case_sensitive": False} if path.ignore_case else {}
    match path.matching:
        case TextMatching.EXACT:
            return {"path": path.text} | sensitive
        case TextMatching.PREFIX:
            return {"prefix": path.text} | sensitive
        case TextMatching.SEGMENTS:
            # Envoy's own matcher wants neither a slash at the end nor the root.
            text = path.text.rstrip("/")
            return {"path_separated_prefix": text} | sensitive if text else {"prefix": "/"}
    return {"safe_regex": {"regex": _expression(path)}}


def _named(each: NamedMatch) -> Message:
    value = _present() if _any(each.value) else {"string_match": _text(each.value)}
    if not each.negated:
        return {"name": each.name} | value
    # A header that is not there has not the unwanted value either.
    missing = {} if _any(each.value) else {"treat_missing_header_as_empty": True}
    return {"name": each.name, "invert_match": True} | value | missing


def _claim(each: ClaimMatch) -> Message:
    value = _present() if _any(each.value) else {"string_match": _text(each.value)}
    return jwt.claim(each.path, value) | ({"invert": True} if each.negated else {})


def _any(value: TextMatch) -> bool:
    return value.matching is TextMatching.PRESENT


def _present() -> Message:
    return {"present_match": True}


def _text(value: TextMatch) -> Message:
    if value.matching is TextMatching.REGEX:
        return {"safe_regex": {"regex": _expression(value)}}
    sensitive = {"ignore_case": True} if value.ignore_case else {}
    return {value.matching.value: value.text} | sensitive


def _expression(value: TextMatch) -> str:
    return f"(?i){value.text}" if value.ignore_case else value.text


def _forward(action: Forward, used: Sequence[Destination], match: RequestMatch) -> Message:
    path = _changed_path(action.path, match, lambda text: {"prefix_rewrite": text})
    retries = {"retry_policy": RETRIES | {"num_retries": action.retries}} if action.retries else {}
    return {
        **_clusters(used),
        "timeout": f"{action.timeout_s:.3f}s",
        "cluster_not_found_response_code": UNKNOWN_CLUSTER[action.unknown_status],
        **path,
        **({"host_rewrite_literal": action.host} if action.host else {}),
        **retries,
    }


def _clusters(used: Sequence[Destination]) -> Message:
    unchanged = HeaderChanges()
    if len(used) == 1 and used[0].request_headers == used[0].response_headers == unchanged:
        return {"cluster": destination_name(used[0])}
    clusters = [
        {
            "name": destination_name(each),
            "weight": each.weight,
            **_header_changes(each.request_headers, each.response_headers),
        }
        for each in used
    ]
    return {"weighted_clusters": {"clusters": clusters}}


def _redirect(action: Redirect, match: RequestMatch) -> Message:
    if action.path.full is not None:
        path = {"path_redirect": action.path.full}
    else:
        path = _changed_path(action.path, match, lambda text: {"prefix_rewrite": text})
    return {
        "response_code": REDIRECTS[action.status],
        **({"scheme_redirect": action.scheme} if action.scheme else {}),
        **({"host_redirect": action.host} if action.host else {}),
        **({"port_redirect": action.port} if action.port is not None else {}),
        **path,
    }


def _changed_path(change: PathChange, match: RequestMatch, prefix: Callable[[str], Message]) -> Message:
    if change.regex:
        return _substitution(change.regex, change.substitution)
    if change.full is not None:
        return _substitution("^.*$", _literally(change.full))
    if change.prefix is None:
        return {}
    path = match.path
    if path is not None and path.matching is TextMatching.REGEX:
        return _substitution("^.*$", _literally(change.prefix))
    if path is not None and path.matching is TextMatching.SEGMENTS:
        # Otherwise `/a/b` with `/` in the place of `/a` would become `//b`, and `/a` with nothing nothing.
        matched, wanted = path.text.rstrip("/"), change.prefix.rstrip("/")
        if not matched or not wanted:
            return _substitution(f"^{re.escape(matched)}/*", _literally(f"{wanted}/"))
        return prefix(wanted)
    return prefix(change.prefix)


def _substitution(expression: str, text: str) -> Message:
    return {"regex_rewrite": {"pattern": {"regex": expression}, "substitution": text}}


def _literally(text: str) -> str:
    return text.replace("\\", "\\\\")


def _header_changes(request: HeaderChanges, response: HeaderChanges) -> Message:
    found: Message = {}
    for side, changes in (("request", request), ("response", response)):
        entries = [
            *(_entry(name, value, "OVERWRITE_IF_EXISTS_OR_ADD") for name, value in changes.set),
            *(_entry(name, value, "APPEND_IF_EXISTS_OR_ADD") for name, value in changes.add),
        ]
        if entries:
            found[f"{side}_headers_to_add"] = entries
        if changes.remove:
            found[f"{side}_headers_to_remove"] = list(changes.remove)
    return found


def _entry(name: str, value: str, action: str) -> Message:
    # A per cent sign would begin a command of Envoy's.
    return {"header": {"key": name, "value": value.replace("%", "%%")}, "append_action": action}
