"""Validation of the values that request attributes are compared with, with the messages of Istio's webhook.

Where a function gives one problem at most, the first ends the search.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from lab.golang.printing import listed, quoted
from lab.mesh.config.validation import is_address, is_network
from lab.mesh.config.webhook import InList

Values = Sequence[str]

MOST_ACCOUNTS = 16
LONGEST_ACCOUNT = 320
ADDRESSES = ("source.ip", "remote.ip", "destination.ip")
TEXTS = (
    "source.namespace",
    "source.principal",
    "request.auth.principal",
    "request.auth.audiences",
    "request.auth.presenter",
    "connection.sni",
)
"""Attributes that may be compared with any text."""
WITH_NAMES = ("request.headers", "request.auth.claims", "experimental.envoy.filters.")
"""Prefixes of the keys that have a name in brackets."""
GONE = {
    "destination.namespace": "attribute destination.namespace is replaced by the metadata.namespace",
    "destination.name": "deprecated attribute destination.name: only supported in v1alpha1",
    "destination.user": "deprecated attribute destination.user: only supported in v1alpha1",
}


def attribute_problems(key: str, values: Values) -> Iterator[str]:
    """The problems of a condition's key and values."""
    if "" in values:
        yield f"empty value not allowed, found in {key}"
    elif key.startswith(WITH_NAMES):
        if not re.fullmatch(r"[^\[]+\[.+\]", key, re.DOTALL):
            yield f"bad key ({key}): should have format a[b]"
    elif key in ADDRESSES:
        yield from _as_one(list(addresses_problems(values)))
    elif key == "destination.port":
        yield from _as_one(list(ports_problems(values)))
    elif key == "source.serviceAccount":
        yield from accounts_problem(key, values)
    elif key == "source.trustDomain":
        yield from wildcards_problem(key, values)
    elif key.startswith("destination.labels"):
        yield f"attribute {key} is replaced by the workload selector"
    elif key not in TEXTS:
        yield GONE.get(key, f"unknown attribute: {key}")


def _as_one(problems: list[str]) -> Iterator[str]:
    """They are quoted as a whole."""
    if problems:
        yield listed(problems)


def empty_problem(where: str, values: Values) -> Iterator[str]:
    if "" in values:
        yield f"empty value not allowed, found in {where}"


def addresses_problems(values: Values) -> Iterator[str]:
    for value in values:
        if "/" in value:
            if not is_network(value):
                yield InList(
                    f"bad CIDR range ({value}): it is not an address, a slash and the length of a prefix"
                )
        elif not is_address(value):
            yield InList(f"bad IP address ({value})")


def ports_problems(values: Values) -> Iterator[str]:
    for value in values:
        if not re.fullmatch(r"[0-9]+", value) or int(value) > 65535:
            yield InList(f"bad port ({value}): it is not a number in the range 0..65535")


def wildcards_problem(where: str, values: Values) -> Iterator[str]:
    if "" in values:
        yield f"empty value not allowed, found in {where}"
        return
    for value in values:
        if value.count("*") > 1:
            yield f"at most one wildcard is allowed, found in {where}: {quoted(value)}"
            return
        if "*" in value[1:-1]:
            yield f"wildcard is only allowed at the start or end, found in {where}: {quoted(value)}"
            return


def trust_domains_problem(where: str, values: Values) -> Iterator[str]:
    wrong = list(wildcards_problem(where, values))
    yield from wrong
    with_slash = next((value for value in values if "/" in value), None)
    if not wrong and with_slash is not None:
        yield f"trust domain must not contain '/', found in {where}: {quoted(with_slash)}"


def accounts_problem(where: str, values: Values) -> Iterator[str]:
    if len(values) > MOST_ACCOUNTS:
        yield f"may not have more than {MOST_ACCOUNTS} values"
        return
    for value in values:
        if problem := _account_problem(where, value):
            yield problem
            return


def _account_problem(where: str, value: str) -> str:
    wanted = "expected format 'serviceAccount' or 'namespace/serviceAccount', found"
    namespace, slash, account = value.partition("/")
    if not value:
        return f"empty value not allowed, found in {where}"
    if "*" in value:
        return f"wildcard not allowed, found in {where}"
    if "/" in account:
        return f"{wanted} {quoted(value)} in {where}"
    if len(value.encode()) > LONGEST_ACCOUNT:
        return f"value cannot exceed {LONGEST_ACCOUNT} characters, found {quoted(value)} in {where}"
    if slash and not namespace:
        return f"{wanted} empty namespace {quoted(value)} in {where}"
    if slash and not account:
        return f"{wanted} empty serviceAccount {quoted(value)} in {where}"
    return ""
