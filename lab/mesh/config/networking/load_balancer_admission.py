"""Validation of a DestinationRule's load balancer settings, in the words of Istio's webhook."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import isqrt

from lab.kube.client import Object
from lab.mesh.config.validation import duration_problems
from lab.mesh.config.webhook import mapping, sequence

LARGEST_TABLE = 5_000_011
TOPOLOGY = ("topology.kubernetes.io/region", "topology.kubernetes.io/zone", "topology.istio.io/subzone")


def load_balancer_problems(settings: Object) -> Iterator[str]:
    yield from _hash_problems(mapping(settings.get("consistentHash")))
    locality, zones = settings.get("localityLbSetting"), settings.get("zoneAwareLbSetting")
    if locality is not None and zones is not None:
        yield "only one of localityLbSetting and zoneAwareLbSetting can be set"
    yield from _locality_problems(mapping(locality))
    yield from _zone_problems(mapping(zones))
    if settings.get("warmup") is not None:
        yield from _warmup_problems(settings["warmup"])


def _hash_problems(consistent: Object) -> Iterator[str]:
    cookie = consistent.get("httpCookie")
    if cookie is not None and not cookie.get("name"):
        yield "name required for HttpCookie"
    names: set[str] = set()
    for name in (each.get("name") or "" for each in sequence(mapping(cookie).get("attributes"))):
        if not name:
            yield "cookie attribute name cannot be empty"
        elif name in names:
            yield f"duplicate cookie attribute name: {name}"
        names.add(name)
    maglev = consistent.get("maglev")
    if consistent.get("minimumRingSize") and (maglev is not None or consistent.get("ringHash") is not None):
        yield "only one of MinimumRingSize or Maglev/Ringhash can be specified"
    if maglev is not None:
        yield from _table_problems(maglev.get("tableSize") or 0)


def _table_problems(size: int) -> Iterator[str]:
    if not size:
        yield "tableSize must be set for maglev"
    if size >= LARGEST_TABLE:
        yield "tableSize must be less than 5000011 for maglev"
    if not _is_prime(size):
        yield "tableSize must be a prime number for maglev"


def _is_prime(number: int) -> bool:
    """Whether Envoy considers it a prime number: 1 is one."""
    if number < 4:
        return number > 0
    return number % 2 != 0 and all(number % factor for factor in range(3, isqrt(number) + 1, 2))


def _warmup_problems(warmup: Object) -> Iterator[str]:
    if warmup.get("duration") is None:
        yield "duration is required"
    else:
        yield from duration_problems(warmup["duration"])
    if (warmup.get("minimumPercent") or 0) > 100:
        yield "minimumPercent value should be less than or equal to 100"
    aggression = warmup.get("aggression")
    if aggression is not None and aggression <= 0:
        yield "aggression should be greater than 0"


def _locality_problems(setting: Object) -> Iterator[str]:
    distribute, failover = sequence(setting.get("distribute")), sequence(setting.get("failover"))
    if distribute and failover:
        yield "can not simultaneously specify 'distribute' and 'failover'"
        return
    for label in sequence(setting.get("failoverPriority")):
        if failover and label in TOPOLOGY:
            yield f"can not simultaneously set 'failover' and topology label '{label}' in 'failover_priority'"
            return
    for each in distribute:
        weights = mapping(each.get("to"))
        if not all(0 < weight <= 100 for weight in weights.values()):
            yield "locality weight must be in range [1, 100]"
            return
        if sum(weights.values()) != 100:
            yield f"total locality weight {sum(weights.values())} != 100"
            return
        yield from _place_problems(weights)
    yield from _place_problems(each.get("from") or "" for each in distribute)
    for each in failover:
        yield from _failover_problems(each, "locality lb", SETTINGS_OF_LOCALITIES)


SETTINGS_OF_LOCALITIES = "only specify region"
SETTINGS_OF_ZONES = "only specifies region; zone and subzone failover are handled automatically"


def _zone_problems(setting: Object) -> Iterator[str]:
    for label in sequence(setting.get("failoverPriority")):
        if label in TOPOLOGY:
            yield (
                f"'failover_priority' for zone aware lb must not use topology label '{label}'; "
                "region- and zone-level routing are handled automatically"
            )
    for each in sequence(setting.get("failover")):
        yield from _failover_problems(each, "zone aware lb", SETTINGS_OF_ZONES)


def _failover_problems(failover: Object, what: str, only_regions: str) -> Iterator[str]:
    ends = (failover.get("from") or "", failover.get("to") or "")
    if ends[0] == ends[1]:
        yield f"{what} failover settings must specify different regions"
    if any("/" in end for end in ends):
        yield f"{what} failover {only_regions}"
    if any("*" in end for end in ends):
        yield f"{what} failover region should not contain '*' wildcard"


def _place_problems(places: Iterable[str]) -> Iterator[str]:
    """The first: of a place that is none, or of which Istio says that it overlaps with one before."""
    taken: set[tuple[str, ...]] = set()
    for place in places:
        if place.count("*") > 1 or ("*" in place and not place.endswith("*")):
            yield f"locality {place} wildcard '*' number can not exceed 1 and must be in the end"
            return
        parts = tuple(place.split("/", 2))
        if ("*",) not in taken and not all(parts):
            yield f"locality {place} must not contain empty region/zone/subzone info"
            return
        if ("*",) in taken or _is_taken(parts, taken):
            yield f"locality {place} overlap with previous specified ones"
            return
        whole = (*parts, "*", "*")[:3]
        taken |= {whole[:depth] for depth in (1, 2, 3)}


def _is_taken(parts: tuple[str, ...], taken: set[tuple[str, ...]]) -> bool:
    """Whether the place itself is taken, or all of what it lies in."""
    around = {(*parts[:depth], "*") for depth in range(1, len(parts))}
    return parts in taken or bool(around & taken)
