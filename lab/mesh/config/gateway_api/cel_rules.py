"""The CEL rules in the definitions of the Gateway API.

`self` is the argument of each function. A field that has a default is there when a rule is asked.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from lab.golang.durations import seconds
from lab.kube.client import Object

Rule = Callable[[Any], bool]

HOSTNAME = r"(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
KEY = (
    r"([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?"
    r"([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9]"
)
PATH = r"(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|[%][0-9a-fA-F]{2})+"


def _unique(items: Sequence[Any], same: Callable[[Any, Any], bool]) -> bool:
    """Whether each is the same as exactly one of them, which can only be itself."""
    return all(sum(same(one, other) for other in items) == 1 for one in items)


# Gateway


def _unique_addresses(kind: str) -> Rule:
    def rule(addresses: Sequence[Object]) -> bool:
        return _unique([address for address in addresses if address["type"] == kind], operator.eq)

    return rule


def _tls_only_where_possible(listeners: Sequence[Object]) -> bool:
    return all("tls" not in each for each in listeners if each["protocol"] in ("HTTP", "TCP", "UDP"))


def _https_terminates(listeners: Sequence[Object]) -> bool:
    return all(
        each["tls"]["mode"] in ("", "Terminate")
        for each in listeners
        if each["protocol"] == "HTTPS" and "tls" in each
    )


def _hosts_only_where_possible(listeners: Sequence[Object]) -> bool:
    return not any(each.get("hostname") for each in listeners if each["protocol"] in ("TCP", "UDP"))


def _distinct(listeners: Sequence[Object]) -> bool:
    where = [(each["port"], each["protocol"], each.get("hostname")) for each in listeners]
    return _unique(where, operator.eq)


def _has_certificate(tls: Object) -> bool:
    return tls["mode"] != "Terminate" or bool(tls.get("certificateRefs") or tls.get("options"))


# HTTPRoute


def _parent(reference: Object) -> tuple[str, ...]:
    return reference["group"], reference["kind"], reference["name"], reference.get("namespace") or ""


def _all_or_no_sections(references: Sequence[Object]) -> bool:
    return all(
        bool(one.get("sectionName")) == bool(other.get("sectionName"))
        for one in references
        for other in references
        if _parent(one) == _parent(other)
    )


def _unique_sections(references: Sequence[Object]) -> bool:
    return _unique([(_parent(each), each.get("sectionName") or "") for each in references], operator.eq)


def _no_backend_for_a_redirect(rule: Object) -> bool:
    return not rule.get("backendRefs") or all(
        "requestRedirect" not in each for each in rule.get("filters", ())
    )


def _replaces_prefix(filters: Iterable[Object], name: str) -> bool:
    changes: list[Object] = [(each.get(name) or {}).get("path") or {} for each in filters]
    return [change["type"] for change in changes if "replacePrefixMatch" in change] == ["ReplacePrefixMatch"]


def _one_prefix(rule: Object) -> bool:
    matches = rule.get("matches", ())
    kinds = [match.get("path", {}).get("type") for match in matches]
    return kinds == ["PathPrefix"]


def _prefix_to_replace(name: str) -> Rule:
    return lambda rule: not _replaces_prefix(rule.get("filters", ()), name) or _one_prefix(rule)


def _prefix_to_replace_in_backends(name: str) -> Rule:
    def check(rule: Object) -> bool:
        replacing = [
            backend
            for backend in rule.get("backendRefs", ())
            if _replaces_prefix(backend.get("filters", ()), name)
        ]
        return len(replacing) != 1 or _one_prefix(rule)

    return check


def _only_literal(check: Callable[[str], bool]) -> Rule:
    """For the path of a match, unless it is a regular expression."""
    return lambda path: path["type"] not in ("Exact", "PathPrefix") or check(path["value"])


def _at_most_one(kind: str) -> Rule:
    return lambda filters: sum(each["type"] == kind for each in filters) <= 1


def _not_both(filters: Sequence[Object]) -> bool:
    return not {"RequestRedirect", "URLRewrite"} <= {each["type"] for each in filters}


def _field_only_for(kind: str, field: str) -> Rule:
    return lambda item: field not in item or item["type"] == kind


def _field_for(kind: str, field: str) -> Rule:
    return lambda item: field in item or item["type"] != kind


def _port_of_service(reference: Object) -> bool:
    return (reference["group"], reference["kind"]) != ("", "Service") or "port" in reference


def _shorter_part(timeouts: Object) -> bool:
    if "request" not in timeouts or "backendRequest" not in timeouts:
        return True
    whole = seconds(timeouts["request"])
    return not whole or seconds(timeouts["backendRequest"]) <= whole


FILTERS = {
    "RequestHeaderModifier": "requestHeaderModifier",
    "ResponseHeaderModifier": "responseHeaderModifier",
    "RequestMirror": "requestMirror",
    "RequestRedirect": "requestRedirect",
    "URLRewrite": "urlRewrite",
    "ExtensionRef": "extensionRef",
}
"""Types of filters, and the field that says what each of them does."""

PATH_CHANGES = {"ReplaceFullPath": "replaceFullPath", "ReplacePrefixMatch": "replacePrefixMatch"}

_LITERAL = "(self.type in ['Exact','PathPrefix']) ? self.value."
_SAME_PARENT = (
    "p1.group == p2.group && p1.kind == p2.kind && p1.name == p2.name && (((!has(p1.__namespace__) ||"
    " p1.__namespace__ == '') && (!has(p2.__namespace__) || p2.__namespace__ == '')) ||"
    " (has(p1.__namespace__) && has(p2.__namespace__) && p1.__namespace__ == p2.__namespace__ ))"
)
_ONE_PREFIX = (
    "((size(self.matches) != 1 || !has(self.matches[0].path) || self.matches[0].path.type != 'PathPrefix')"
    " ? false : true) : true"
)


def _replacing(field: str) -> str:
    return (
        f"filters.exists_one(f, has(f.{field}) && has(f.{field}.path) &&"
        f" f.{field}.path.type == 'ReplacePrefixMatch' && has(f.{field}.path.replacePrefixMatch))"
    )


CEL_RULES: dict[str, Rule] = {
    "self.all(a1, a1.type == 'IPAddress' ? self.exists_one(a2, a2.type == a1.type && a2.value == a1.value)"
    " : true )": _unique_addresses("IPAddress"),
    "self.all(a1, a1.type == 'Hostname' ? self.exists_one(a2, a2.type == a1.type && a2.value == a1.value)"
    " : true )": _unique_addresses("Hostname"),
    f'self.type == \'Hostname\' ? self.value.matches(r"""^{HOSTNAME}$"""): true': lambda address: (
        address["type"] != "Hostname" or re.fullmatch(HOSTNAME, address["value"]) is not None
    ),
    f'self.all(key, key.matches(r"""^{KEY}$"""))': lambda keys: all(re.fullmatch(KEY, key) for key in keys),
    'self.all(key, key.split("/")[0].size() < 253)': lambda keys: all(
        len(key.partition("/")[0]) < 253 for key in keys
    ),
    "self.all(l, l.protocol in ['HTTP', 'TCP', 'UDP'] ? !has(l.tls) : true)": _tls_only_where_possible,
    "self.all(l, (l.protocol == 'HTTPS' && has(l.tls)) ? (l.tls.mode == '' || l.tls.mode == 'Terminate')"
    " : true)": _https_terminates,
    "self.all(l, l.protocol in ['TCP', 'UDP']  ? (!has(l.hostname) || l.hostname == '') : true)": (
        _hosts_only_where_possible
    ),
    "self.all(l1, self.exists_one(l2, l1.name == l2.name))": lambda listeners: _unique(
        [each["name"] for each in listeners], operator.eq
    ),
    "self.all(l1, self.exists_one(l2, l1.port == l2.port && l1.protocol == l2.protocol &&"
    " (has(l1.hostname) && has(l2.hostname) ? l1.hostname == l2.hostname :"
    " !has(l1.hostname) && !has(l2.hostname))))": _distinct,
    "self.mode == 'Terminate' ? size(self.certificateRefs) > 0 || size(self.options) > 0 : true": (
        _has_certificate
    ),
    f"self.all(p1, self.all(p2, {_SAME_PARENT} ? ((!has(p1.sectionName) || p1.sectionName == '') =="
    " (!has(p2.sectionName) || p2.sectionName == '')) : true))": _all_or_no_sections,
    f"self.all(p1, self.exists_one(p2, {_SAME_PARENT} && (((!has(p1.sectionName) || p1.sectionName == '') &&"
    " (!has(p2.sectionName) || p2.sectionName == '')) || (has(p1.sectionName) && has(p2.sectionName) &&"
    " p1.sectionName == p2.sectionName))))": _unique_sections,
    " + ".join(f"(self.size() > {n} ? self[{n}].matches.size() : 0)" for n in range(16)) + " <= 128": (
        lambda rules: sum(len(rule["matches"]) for rule in rules) <= 128
    ),
    "(has(self.backendRefs) && size(self.backendRefs) > 0) ? (!has(self.filters) ||"
    " self.filters.all(f, !has(f.requestRedirect))): true": _no_backend_for_a_redirect,
    **{
        f"(has(self.filters) && self.{_replacing(name)}) ? {_ONE_PREFIX}": _prefix_to_replace(name)
        for name in ("requestRedirect", "urlRewrite")
    },
    **{
        "(has(self.backendRefs) && self.backendRefs.exists_one(b, (has(b.filters) &&"
        f" b.{_replacing(name)}) )) ? {_ONE_PREFIX}": _prefix_to_replace_in_backends(name)
        for name in ("requestRedirect", "urlRewrite")
    },
    _LITERAL + "startsWith('/') : true": _only_literal(lambda path: path.startswith("/")),
    **{
        "(self.type in ['Exact','PathPrefix']) ? !self.value." + f"contains('{part}') : true": _only_literal(
            lambda path, part=part: part not in path  # type: ignore[misc]
        )
        for part in ("//", "/./", "/../", "%2f", "%2F", "#")
    },
    **{
        "(self.type in ['Exact','PathPrefix']) ? !self.value." + f"endsWith('{part}') : true": _only_literal(
            lambda path, part=part: not path.endswith(part)  # type: ignore[misc]
        )
        for part in ("/..", "/.")
    },
    "self.type in ['Exact','PathPrefix'] || self.type == 'RegularExpression'": lambda path: (
        path["type"] in ("Exact", "PathPrefix", "RegularExpression")
    ),
    _LITERAL + f'matches(r"""^{PATH}$""") : true': _only_literal(
        lambda path: re.fullmatch(PATH, path) is not None
    ),
    "!(self.exists(f, f.type == 'RequestRedirect') && self.exists(f, f.type == 'URLRewrite'))": _not_both,
    **{
        f"self.filter(f, f.type == '{kind}').size() <= 1": _at_most_one(kind)
        for kind in ("RequestHeaderModifier", "ResponseHeaderModifier", "RequestRedirect", "URLRewrite")
    },
    **{
        f"!(has(self.{field}) && self.type != '{kind}')": _field_only_for(kind, field)
        for kind, field in FILTERS.items()
    },
    **{
        f"!(!has(self.{field}) && self.type == '{kind}')": _field_for(kind, field)
        for kind, field in FILTERS.items()
    },
    "!(has(self.percent) && has(self.fraction))": lambda mirror: not {"percent", "fraction"} <= mirror.keys(),
    "self.numerator <= self.denominator": lambda part: part["numerator"] <= part["denominator"],
    **{
        f"self.type == '{kind}' ? has(self.{field}) : true": _field_for(kind, field)
        for kind, field in PATH_CHANGES.items()
    },
    **{
        f"has(self.{field}) ? self.type == '{kind}' : true": _field_only_for(kind, field)
        for kind, field in PATH_CHANGES.items()
    },
    "(size(self.group) == 0 && self.kind == 'Service') ? has(self.port) : true": _port_of_service,
    "!(has(self.request) && has(self.backendRequest) && duration(self.request) != duration('0s') &&"
    " duration(self.backendRequest) > duration(self.request))": _shorter_part,
}
"""What each rule means, by its text."""
