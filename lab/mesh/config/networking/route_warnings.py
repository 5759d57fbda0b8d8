"""Warnings about valid VirtualServices, in the words of Istio's webhook: unreachable and deprecated parts.

The words are Istio's.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from lab.kube.client import Object
from lab.mesh.config.webhook import mapping, sequence

LARGE_BODY = 100 * 1024
"""The size in bytes of a direct response from which there is a warning."""

NAMED = ("headers", "queryParams", "withoutHeaders")
TEXTS = ("uri", "scheme", "method", "authority")
"""Matches in which empty differs from missing."""


def virtual_service_warnings(spec: Object) -> Iterator[str]:
    """The warnings about a VirtualService, in Istio's order."""
    yield from _name_warnings(sequence(spec.get("gateways")))
    routes = {kind: [mapping(route) for route in sequence(spec.get(kind))] for kind in ("http", "tls", "tcp")}
    for route in routes["http"]:
        yield from _http_warnings(route)
    for match in (mapping(match) for route in routes["tls"] for match in sequence(route.get("match"))):
        for host in sequence(match.get("sniHosts")):
            if _is_address(host):
                yield (
                    f"using an IP address ({json.dumps(host)}) goes against SNI spec "
                    "and most clients do not support this"
                )
        yield from _name_warnings(sequence(match.get("gateways")))
    yield from _unreachable(routes["http"])
    yield from _covered(list(_prefixes(routes["http"])))
    yield from _unreachable(routes["tcp"])
    yield from _unreachable(routes["tls"])


def _name_warnings(gateways: Sequence[str]) -> Iterator[str]:
    """Of the first name without a namespace; Istio looks no further."""
    short = next((name for name in gateways if "/" not in name), "")
    if "." in short:
        name, namespace = short.split(".")[:2]
        yield (
            f"using legacy gatewayName format {json.dumps(short)}; prefer the <namespace>/<name> format: "
            f"{json.dumps(f'{namespace}/{name}')}"
        )


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _http_warnings(route: Object) -> Iterator[str]:
    if any(route.get(field) is not None for field in ("mirrorPercent", "mirror_percent")):
        yield 'using deprecated setting "mirrorPercent", use "mirrorPercentage" instead'
    body = mapping(mapping(route.get("directResponse")).get("body"))
    in_base64 = len((body.get("bytes") or "").rstrip("=")) * 3 // 4
    if max(len((body.get("string") or "").encode()), in_base64) > LARGE_BODY:
        yield "large direct_responses may impact control plane performance"


def _unreachable(routes: Sequence[Object]) -> Iterator[str]:
    """Unreachable rules: earlier ones match all their requests."""
    seen: dict[str, int] = {}
    takes_all = False
    for number, route in enumerate(routes):
        matches = [mapping(match) for match in sequence(route.get("match"))]
        if not matches:
            if takes_all:
                yield _unused(_name(route, number), "only the last rule can have no matches")
            takes_all = True
            continue
        duplicates = 0
        for at, match in enumerate(matches):
            if takes_all:
                yield _unused(_name(route, number), "route without matches defined before")
                continue
            text = _canonical(match)
            if text in seen:
                before = _name(routes[seen[text]], seen[text])
                yield _ineffective(_name(route, number), _name(match, at), before)
                duplicates += 1
            else:
                seen[text] = number
        if duplicates == len(matches):
            yield _unused(_name(route, number), "all matches used by prior rules")


def _unused(rule: str, why: str) -> str:
    return f"virtualService rule {rule} not used ({why})"


def _ineffective(rule: str, match: str, other: str) -> str:
    return (
        f"virtualService rule {rule} match {match} is not used (duplicate/overlapping match in rule {other})"
    )


def _name(part: Object, number: int) -> str:
    """As Istio calls a rule, or a match of one."""
    return json.dumps(part["name"], ensure_ascii=False) if part.get("name") else f"#{number}"


def _canonical(match: Object) -> str:
    """The same text for matches that say the same: by whatever name, and with what is empty left out."""
    said = {field: value for field, value in match.items() if field != "name" and (value or field in TEXTS)}
    return json.dumps(said, sort_keys=True)


@dataclass(frozen=True)
class _Prefix:
    """A match by the prefix of the path, with what else Istio looks at."""

    rule: str
    match: str
    prefix: str
    port: int
    method: str
    authority: str
    named: tuple[Mapping[str, str], ...]


def _prefixes(routes: Sequence[Object]) -> Iterator[_Prefix]:
    """Those that have not been there before and that rules have which are reached at all."""
    seen: set[str] = set()
    for number, route in enumerate(routes):
        matches = [mapping(match) for match in sequence(route.get("match"))]
        if not matches:
            return
        for at, match in enumerate(matches):
            prefix = mapping(match.get("uri")).get("prefix")
            if (text := _canonical(match)) not in seen and prefix:
                yield _Prefix(
                    rule=_name(route, number),
                    match=_name(match, at),
                    prefix=prefix,
                    port=match.get("port") or 0,
                    method=_text(match.get("method")) or "exact:GET",
                    authority=_text(match.get("authority")),
                    named=tuple(
                        {name: _text(value) for name, value in mapping(match.get(field)).items()}
                        for field in NAMED
                    ),
                )
            seen.add(text)


def _text(value: Object | None) -> str:
    """What a text must be, without expressions: Istio does not look into them."""
    for how in ("exact", "prefix"):
        if text := mapping(value).get(how):
            return f"{how}:{text}"
    return ""


def _covered(found: Sequence[_Prefix]) -> Iterator[str]:
    """Matches whose requests all go by an earlier rule, as far as Istio can see."""
    for at, former in enumerate(found):
        for latter in found[at + 1 :]:
            if latter.prefix != former.prefix and _covers(former, latter):
                match = f"{latter.match} of prefix {latter.prefix}"
                other = f"{former.match} of prefix {former.prefix} on {former.rule}"
                yield _ineffective(latter.rule, match, other)


def _covers(former: _Prefix, latter: _Prefix) -> bool:
    narrower: Callable[[str, str], bool] = str.startswith
    return (
        latter.prefix.startswith(former.prefix)
        and latter.port == former.port
        and narrower(former.method, latter.method)
        and narrower(former.authority, latter.authority)
        and all(
            one.keys() == other.keys() and all(narrower(one[name], other[name]) for name in one)
            for one, other in zip(former.named, latter.named, strict=True)
        )
    )
