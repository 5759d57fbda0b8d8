"""What Kubernetes' dialect of CEL has beyond the language: URLs, IP addresses, networks, quantities, lists.

An opaque value (a URL, an address, a quantity) is a map with one key, which only these functions look into.
After https://kubernetes.io/docs/reference/using-api/cel/. The libraries for formats, sets, versions and
authorization are left out: a rule that needs them is one that this server cannot evaluate.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from typing import Any
from urllib.parse import parse_qs, urlsplit

from lab.golang import urls

Opaque = dict[str, str]
_QUANTITY = re.compile(r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))(?:([eE][+-]?[0-9]+)|([numkMGTPE]|[KMGTPE]i)?)")
_SCALES = {
    **{name: Decimal(1000) ** power for power, name in enumerate(("", "k", "M", "G", "T", "P", "E"))},
    **{f"{name}i": Decimal(1024) ** power for power, name in enumerate("KMGTPE", 1)},
    **{name: Decimal(1000) ** -power for power, name in enumerate("mun", 1)},
}


@dataclass(frozen=True)
class Function:
    """`takes` and `gives` are names of CEL types; a `member` is called on the first argument."""

    name: str
    takes: tuple[str, ...]
    gives: str
    call: Callable[..., Any]
    member: bool = True


def _is(parse: Callable[[Any], Any]) -> Callable[[Any], bool]:
    def holds(value: Any) -> bool:
        try:
            parse(value)
        except ValueError:
            return False
        return True

    return holds


def _url(text: str) -> Opaque:
    if text.startswith(("http://", "https://")):
        if problem := urls.problem(text):
            raise ValueError(f"URL parse error during conversion from string: parse {text!r}: {problem}")
        return {"url": text}
    parts = urlsplit(text)
    parts.port  # noqa: B018 - raises what is wrong with it
    if not (parts.scheme and (parts.netloc or parts.path.startswith("/"))) and not text.startswith("/"):
        raise ValueError(f"URL parse error during conversion from string: {text!r}")
    if any(char.isspace() for char in text):
        raise ValueError(f"URL parse error during conversion from string: {text!r}")
    return {"url": text}


def _host(url: Opaque) -> str:
    return urlsplit(url["url"]).netloc.rpartition("@")[2]


def _port(url: Opaque) -> str:
    digits = re.search(r":([0-9]*)$", _host(url))
    return digits[1] if digits else ""


def _query(url: Opaque) -> dict[str, list[str]]:
    return parse_qs(urlsplit(url["url"]).query, keep_blank_values=True)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    found = ipaddress.ip_address(text)
    if isinstance(found, ipaddress.IPv6Address) and (found.ipv4_mapped or found.scope_id):
        raise ValueError(f"IP Address {text!r} parse error: IPv4-mapped or zoned address is not allowed")
    return found


def _ip(text: str) -> Opaque:
    return {"ip": str(_address(text))}


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    address, slash, _ = text.partition("/")
    if not slash:
        raise ValueError(f"network address parse error: {text!r} has no prefix")
    _address(address)
    return ipaddress.ip_network(text, strict=False)


def _cidr(text: str) -> Opaque:
    _network(text)
    return {"cidr": text}


def _contains(cidr: Opaque, other: Any) -> bool:
    text = other if isinstance(other, str) else next(iter(other.values()))
    outer, inner = _network(cidr["cidr"]), ipaddress.ip_network(text, strict=False)
    # The two of one family only have an order.
    return outer.version == inner.version and inner.subnet_of(outer)  # type: ignore[arg-type]


def amount(text: str) -> Decimal:
    """The number that a quantity such as 1.5Gi or 100m stands for. Raises ValueError."""
    found = _QUANTITY.fullmatch(text)
    try:
        if found is None:
            raise InvalidOperation
        return Decimal(found[1] + (found[2] or "")) * _SCALES[found[3] or ""]
    except InvalidOperation:
        raise ValueError(f"quantities must match the regular expression, not {text!r}") from None


def _quantity(text: str) -> Opaque:
    amount(text)
    return {"quantity": text}


def _of(quantity: Any) -> Decimal:
    return Decimal(quantity) if isinstance(quantity, int) else amount(quantity["quantity"])


def _compared(one: Opaque, other: Opaque) -> int:
    return (_of(one) > _of(other)) - (_of(one) < _of(other))


def _whole(quantity: Opaque) -> int:
    number = _of(quantity)
    if number != number.to_integral_value():
        raise ValueError(f"cannot convert value {quantity['quantity']} to integer")
    return int(number)


def _plain(number: Decimal) -> Opaque:
    whole = number.to_integral_value(ROUND_CEILING)
    return {"quantity": f"{whole:f}" if whole == number else f"{number:f}"}


def _find(text: str, pattern: str) -> str:
    found = _regex(pattern).search(text)
    return str(found.group()) if found else ""


def _find_all(text: str, pattern: str, limit: int = -1) -> list[str]:
    found = [str(match.group()) for match in _regex(pattern).finditer(text)]
    return found if limit < 0 else found[:limit]


def _regex(pattern: str) -> Any:
    from lab.golang import regexp

    return regexp.compiled(pattern)


def _position(items: list[Any], item: Any) -> int:
    return items.index(item) if item in items else -1


def _last_position(items: list[Any], item: Any) -> int:
    return len(items) - 1 - items[::-1].index(item) if item in items else -1


FUNCTIONS = (
    Function("isURL", ("string",), "bool", _is(_url), member=False),
    Function("url", ("string",), "dyn", _url, member=False),
    Function("getScheme", ("dyn",), "string", lambda url: urlsplit(url["url"]).scheme),
    Function("getHost", ("dyn",), "string", _host),
    Function("getHostname", ("dyn",), "string", lambda url: urlsplit(url["url"]).hostname or ""),
    Function("getPort", ("dyn",), "string", lambda url: _port(url)),
    Function("getEscapedPath", ("dyn",), "string", lambda url: urlsplit(url["url"]).path),
    Function("getQuery", ("dyn",), "dyn", _query),
    Function("isIP", ("string",), "bool", _is(_address), member=False),
    Function("ip", ("string",), "dyn", _ip, member=False),
    Function("ip.isCanonical", ("string",), "bool", lambda text: str(_address(text)) == text, member=False),
    Function("family", ("dyn",), "int", lambda ip: _address(ip["ip"]).version),
    Function("isUnspecified", ("dyn",), "bool", lambda ip: _address(ip["ip"]).is_unspecified),
    Function("isLoopback", ("dyn",), "bool", lambda ip: _address(ip["ip"]).is_loopback),
    Function("isLinkLocalMulticast", ("dyn",), "bool", lambda ip: _is_local_multicast(ip)),
    Function("isLinkLocalUnicast", ("dyn",), "bool", lambda ip: _address(ip["ip"]).is_link_local),
    Function(
        "isGlobalUnicast",
        ("dyn",),
        "bool",
        lambda ip: (
            not (
                (found := _address(ip["ip"])).is_unspecified
                or found.is_loopback
                or found.is_multicast
                or found.is_link_local
            )
        ),
    ),
    Function("isCIDR", ("string",), "bool", _is(_network), member=False),
    Function("cidr", ("string",), "dyn", _cidr, member=False),
    Function("containsIP", ("dyn", "dyn"), "bool", _contains),
    Function("containsCIDR", ("dyn", "dyn"), "bool", _contains),
    Function("ip", ("dyn",), "dyn", lambda cidr: _ip(cidr["cidr"].partition("/")[0])),
    Function("masked", ("dyn",), "dyn", lambda cidr: {"cidr": str(_network(cidr["cidr"]))}),
    Function("prefixLength", ("dyn",), "int", lambda cidr: _network(cidr["cidr"]).prefixlen),
    Function("isQuantity", ("string",), "bool", _is(amount), member=False),
    Function("quantity", ("string",), "dyn", _quantity, member=False),
    Function("sign", ("dyn",), "int", lambda one: _compared(one, {"quantity": "0"})),
    Function("compareTo", ("dyn", "dyn"), "int", _compared),
    Function("isGreaterThan", ("dyn", "dyn"), "bool", lambda one, other: _compared(one, other) > 0),
    Function("isLessThan", ("dyn", "dyn"), "bool", lambda one, other: _compared(one, other) < 0),
    Function("isInteger", ("dyn",), "bool", _is(_whole)),
    Function("asInteger", ("dyn",), "int", _whole),
    Function("asApproximateFloat", ("dyn",), "double", lambda one: float(_of(one))),
    Function("add", ("dyn", "dyn"), "dyn", lambda one, other: _plain(_of(one) + _of(other))),
    Function("sub", ("dyn", "dyn"), "dyn", lambda one, other: _plain(_of(one) - _of(other))),
    Function("find", ("string", "string"), "string", _find),
    Function("findAll", ("string", "string"), "list", _find_all),
    Function("findAll", ("string", "string", "int"), "list", _find_all),
    Function("isSorted", ("list",), "bool", lambda items: items == sorted(items)),
    Function("sum", ("list",), "dyn", sum),
    Function("min", ("list",), "dyn", min),
    Function("max", ("list",), "dyn", max),
    Function("indexOf", ("list", "dyn"), "int", _position),
    Function("lastIndexOf", ("list", "dyn"), "int", _last_position),
)


def _is_local_multicast(ip: Opaque) -> bool:
    found = _address(ip["ip"])
    scope = "224.0.0.0/24" if found.version == 4 else "ff02::/16"
    return found in ipaddress.ip_network(scope)
