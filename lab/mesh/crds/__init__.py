"""Loading the resource definitions of a mesh, and the CEL rules that occur in them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from lab.kube.store import Object, clone
from lab.mesh.crds import gateway_api

GATEWAY_API = Path(__file__).parent / "gateway_api"
NETWORKING = Path(__file__).parents[1] / "networking" / "crds"
"""Folders with definitions that several meshes have, or may have."""

# The C loader is about ten times as fast, which counts at every start of a lab.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def load(*folders: Path) -> list[Object]:
    """Every CustomResourceDefinition in these folders, by file name."""
    return [
        clone(yaml.load(path.read_bytes(), Loader=LOADER))
        for folder in folders
        for path in sorted(folder.glob("*.yaml"))
    ]


def _port_number(key: str) -> bool:
    return re.fullmatch(r"[+-]?[0-9]+", key) is not None and 0 < int(key) <= 65535


def _selects_for_ports(spec: Mapping[str, Any]) -> bool:
    return "portLevelMtls" not in spec or bool((spec.get("selector") or {}).get("matchLabels"))


UNITS = {"h": 3_600e9, "m": 60e9, "s": 1e9, "ms": 1e6, "us": 1e3, "µs": 1e3, "ns": 1.0}

LONGEST_NS = 2.0**63


def duration_ns(text: str) -> float:
    """Nanoseconds of a Go duration; nan when it is none, or longer than Go can count (292 years)."""
    sign, rest = (-1, text[1:]) if text[:1] == "-" else (1, text.removeprefix("+"))
    if rest == "0":
        return 0.0
    unit = r"([0-9]*\.?[0-9]+|[0-9]+\.)(h|ms|m|s|us|µs|ns)"
    if not re.fullmatch(f"(?:{unit})+", rest):
        return float("nan")
    total = sum(float(number) * UNITS[name] for number, name in re.findall(unit, rest))
    return sign * total if total < LONGEST_NS else float("nan")


def _set(spec: Mapping[str, Any], *names: str) -> int:
    return sum(name in spec for name in names)


def _accounts_stand_alone(source: Mapping[str, Any]) -> bool:
    return not _set(source, "serviceAccounts", "notServiceAccounts") or not _set(
        source, "principals", "notPrincipals", "namespaces", "notNamespaces"
    )


CEL_RULES: dict[str, Callable[[Any], bool]] = gateway_api.CEL_RULES | {
    '!self.contains("*")': lambda text: "*" not in text,
    'self.all(key, !key.contains("*"))': lambda keys: all("*" not in key for key in keys),
    "self.all(key, key.size() != 0)": all,
    "self.all(key, 0 < int(key) && int(key) <= 65535)": lambda keys: all(map(_port_number, keys)),
    "has(self.portLevelMtls) ? (((has(self.selector) && has(self.selector.matchLabels))"
    " ? self.selector.matchLabels : {}).size() > 0) : true": _selects_for_ports,
    "duration(self) >= duration('1ms')": lambda text: duration_ns(text) >= UNITS["ms"],
    "self.size() == 0": lambda text: not text,
    'url(self).getScheme() in ["http", "https"]': lambda text: text.startswith(("http://", "https://")),
    "(has(self.selector) ? 1 : 0) + (has(self.targetRef) ? 1 : 0) + (has(self.targetRefs) ? 1 : 0) <= 1": (
        lambda spec: _set(spec, "selector", "targetRef", "targetRefs") <= 1
    ),
    "(has(self.jwksUri) ? 1 : 0) + (has(self.jwks_uri) ? 1 : 0) + (has(self.jwks) ? 1 : 0) <= 1": (
        lambda rule: _set(rule, "jwksUri", "jwks_uri", "jwks") <= 1
    ),
    "(has(self.serviceAccounts) || has(self.notServiceAccounts)) ? (!has(self.principals) &&\n"
    "!has(self.notPrincipals) && !has(self.namespaces) && !has(self.notNamespaces)) : true": (
        _accounts_stand_alone
    ),
}
"""What each `x-kubernetes-validations` rule means, by its text; `self` is the argument."""
