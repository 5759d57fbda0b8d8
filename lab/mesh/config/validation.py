"""Validation of single values (hosts, labels, addresses, ports, durations), in the words of Istio's webhook.

Each function gives the problems with one value, in Istio's words.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping

from lab.golang.durations import MILLISECOND, nanoseconds
from lab.golang.printing import quoted
from lab.mesh.config.webhook import InList

_LABEL = r"[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?"
DNS_LABEL = re.compile(_LABEL)
_FIRST_LABEL = re.compile(rf"\*|(?:\*-?)?{_LABEL}")
_TAG = r"(?:[A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_TAG_KEY = re.compile(rf"({_LABEL}(?:\.{_LABEL})*/)?({_TAG})")
_TAG_VALUE = re.compile(rf"(?:{_TAG})?")
LONGEST_LABEL = 63
LONGEST_NAME = 255
LONGEST_PREFIX = 253
OUTBOUND = "outbound"
"""What the server names begin with by which Istio's own gateways speak to each other."""


def is_label(text: str) -> bool:
    return len(text) <= LONGEST_LABEL and DNS_LABEL.fullmatch(text) is not None


def host_problems(host: str) -> Iterator[str]:
    """The problems of a DNS name, possibly with a wildcard as (or in) its first label."""
    if problem := _length_problem(host):
        yield problem
        return
    first, dot, rest = host.partition(".")
    if len(first) > LONGEST_LABEL or not _FIRST_LABEL.fullmatch(first):
        yield f"domain name {quoted(host)} invalid (label {quoted(first)} invalid)"
    elif dot:
        yield from _label_problems(rest)


def full_name_problems(host: str) -> Iterator[str]:
    """The problems of a DNS name without wildcards."""
    if problem := _length_problem(host):
        yield problem
    else:
        yield from _label_problems(host)


def _length_problem(host: str) -> str:
    if len(host.encode()) > LONGEST_NAME:
        return f"domain name {quoted(host)} too long (max {LONGEST_NAME})"
    return "" if host else "empty domain name not allowed"


def _label_problems(domain: str) -> Iterator[str]:
    labels = domain.split(".")
    if re.fullmatch(r"[+-]?[0-9]+", labels[-1]):
        last = quoted(labels[-1])
        yield f"domain name {quoted(domain)} invalid (top level domain {last} cannot be all-numeric)"
        return
    # The last one may be empty: `istio.io.` is a name in full.
    for label in labels if labels[-1] else labels[:-1]:
        if not is_label(label):
            yield f"domain name {quoted(domain)} invalid (label {quoted(label)} invalid)"
            return


def gateway_host_problems(host: str, *, server_name: bool) -> Iterator[str]:
    """The problems of a host of a gateway; as an SNI it may be one that Istio generates for a service."""
    if not server_name or not host.startswith(f"{OUTBOUND}_") or len(host.encode()) > LONGEST_NAME:
        yield from host_problems(host)
        return
    parts = host.split("_")
    wanted = f"{OUTBOUND}_.<PORT>_._.<HOSTNAME>"
    if len(parts) < 4:
        yield f"domain name {host} invalid, should follow '{wanted}' format"
        return
    for part, wants in ((parts[1], "[0-9]"), (parts[3], "[a-zA-Z]")):
        if not re.search(wants, part):
            label = quoted(part.strip("."))
            yield f"domain name {quoted(host)} invalid (label {label} invalid). should follow {wanted} format"
            return


def overlap(one: str, other: str) -> bool:
    """Whether some host matches both; each may begin with a wildcard."""
    if one.startswith("*") and other.startswith("*"):
        return one[1:].endswith(other[1:]) or other[1:].endswith(one[1:])
    if one.startswith("*"):
        return other.endswith(one[1:])
    return one.endswith(other[1:]) if other.startswith("*") else one == other


def is_covered(host: str, pattern: str) -> bool:
    """Whether `pattern` matches everything that `host` matches."""
    if host.startswith("*"):
        return pattern.startswith("*") and len(host) >= len(pattern) and host[1:].endswith(pattern[1:])
    return host.endswith(pattern[1:]) if pattern.startswith("*") else host == pattern


def is_address(text: str) -> bool:
    """Whether Go accepts it as an IP address."""
    address, percent, zone = text.partition("%")
    try:
        version = ipaddress.ip_address(address).version
    except ValueError:
        return False
    return not percent or (version == 6 and bool(zone))


def is_network(text: str) -> bool:
    """Whether Go accepts it as a CIDR."""
    address, _, length = text.rpartition("/")
    if "%" in address or not is_address(address) or not re.fullmatch(r"0|[1-9][0-9]{0,2}", length):
        return False
    return int(length) <= ipaddress.ip_address(address).max_prefixlen


def address_problems(text: str) -> Iterator[str]:
    if not is_address(text):
        yield f"{text} is not a valid IP"


def subnet_problems(text: str) -> Iterator[str]:
    if text.count("/") != 1:
        yield from address_problems(text)
    elif not is_network(text):
        yield f"{text} is not a valid CIDR block"


def port_problems(number: int) -> Iterator[str]:
    if not 1 <= number <= 65535:
        yield f"port number {number} must be in the range 1..65535"


def subset_problems(name: str) -> Iterator[str]:
    if not name:
        yield "subset name cannot be empty"
    elif not is_label(name):
        yield f"subset name is invalid: {name}"


def tag_problems(labels: Mapping[str, str]) -> Iterator[str]:
    """The problems of labels of pods."""
    for key, value in labels.items():
        match = _TAG_KEY.fullmatch(key)
        if not match:
            yield InList(f"invalid tag key: {quoted(key)}")
        elif len(match[1] or "") - 1 > LONGEST_PREFIX:
            yield InList(f"invalid tag key: {quoted(key)} (DNS prefix is too long)")
        elif len(match[2]) > LONGEST_LABEL:
            yield InList(f"invalid tag key: {quoted(key)} (name is too long)")
        if not _TAG_VALUE.fullmatch(value):
            yield InList(f"invalid tag value: {quoted(value)}")


def duration_problems(text: str) -> Iterator[str]:
    """The problems of a duration that must be positive."""
    time = nanoseconds(text)
    if time is None:
        return
    if time < MILLISECOND:
        yield "duration must be greater than 1ms"
    elif time % MILLISECOND:
        yield "only durations to ms precision are supported"


def export_problems(namespaces: Iterable[str], namespace: str, *, selects: bool = False) -> Iterator[str]:
    """The problems of `exportTo` in an object of `namespace`; `selects`: it has a workload selector."""
    given = list(namespaces)
    exported: set[str] = set()
    for each in given:
        where = namespace if each == "." else each
        if where in exported:
            yield (
                f"duplicate entries in exportTo: . and current namespace {namespace}"
                if where != each
                else f"duplicate entries in exportTo for entry {each}"
            )
        elif where == "~":
            yield "exportTo ~ (none) is not allowed for Istio configuration objects"
        elif where != "*" and not is_label(where):
            yield "only .,*, or a valid DNS 1123 label is allowed as exportTo entry"
        else:
            exported.add(where)
    if selects and exported and namespace not in exported:
        yield "destination rule with workload selector cannot have exportTo beyond current namespace"
    elif selects and len(exported) > 1:
        yield "destination rule with workload selector cannot have multiple entries in exportTo"
    if "*" in exported and len(given) > 1:
        yield "cannot have both public (*) and non-public exportTo values for a resource"


def gateway_name_problems(names: Iterable[str]) -> Iterator[str]:
    """The problems of the names of gateways; the first one without a namespace ends the search."""
    for name in names:
        namespace, slash, rest = name.partition("/")
        if not slash:
            yield from full_name_problems(name)
            return
        if not namespace or not rest:
            yield "config namespace and gateway name cannot be empty"
        if not is_label(namespace):
            yield f"invalid value for namespace: {quoted(namespace)}"
        if not is_label(rest):
            yield f"invalid value for gateway name: {quoted(rest)}"
