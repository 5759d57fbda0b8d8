"""The CEL rules in the definitions of Istio and of the Gateway API, as predicates.

The rules of other definitions are read by CEL itself, which takes longer to load.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from lab.golang import urls
from lab.golang.durations import MILLISECOND, nanoseconds
from lab.kube.client import Object
from lab.mesh.config.gateway_api.cel_rules import CEL_RULES as GATEWAY_API_RULES


def _port_number(key: str) -> bool:
    return re.fullmatch(r"[+-]?[0-9]+", key) is not None and 0 < int(key) <= 65535


def _selects_for_ports(spec: Object) -> bool:
    return "portLevelMtls" not in spec or bool((spec.get("selector") or {}).get("matchLabels"))


def _set(spec: Object, *names: str) -> int:
    return sum(name in spec for name in names)


def _at_most_one(*names: str) -> Callable[[Any], bool]:
    return lambda part: _set(part, *names) <= 1


def _accounts_stand_alone(source: Object) -> bool:
    return not _set(source, "serviceAccounts", "notServiceAccounts") or not _set(
        source, "principals", "notPrincipals", "namespaces", "notNamespaces"
    )


def _is_long_enough(duration: str) -> bool:
    return (nanoseconds(duration) or 0) >= MILLISECOND


def _is_web(url: str) -> bool:
    return url.startswith(("http://", "https://")) and not urls.problem(url)


CEL_RULES: dict[str, Callable[[Any], bool]] = {
    **GATEWAY_API_RULES,
    '!self.contains("*")': lambda text: "*" not in text,
    'self.all(key, !key.contains("*"))': lambda keys: all("*" not in key for key in keys),
    "self.all(key, key.size() != 0)": all,
    "self.all(key, 0 < int(key) && int(key) <= 65535)": lambda keys: all(map(_port_number, keys)),
    "has(self.portLevelMtls) ? (((has(self.selector) && has(self.selector.matchLabels))"
    " ? self.selector.matchLabels : {}).size() > 0) : true": _selects_for_ports,
    "duration(self) >= duration('1ms')": _is_long_enough,
    "self.size() == 0": lambda text: not text,
    'url(self).getScheme() in ["http", "https"]': _is_web,
    "(has(self.selector) ? 1 : 0) + (has(self.targetRef) ? 1 : 0) + (has(self.targetRefs) ? 1 : 0) <= 1": (
        lambda spec: _set(spec, "selector", "targetRef", "targetRefs") <= 1
    ),
    "(has(self.jwksUri) ? 1 : 0) + (has(self.jwks_uri) ? 1 : 0) + (has(self.jwks) ? 1 : 0) <= 1": (
        lambda rule: _set(rule, "jwksUri", "jwks_uri", "jwks") <= 1
    ),
    **{
        f"(has(self.{one}) ? 1 : 0) + (has(self.{other}) ? 1 : 0) <= 1": _at_most_one(one, other)
        for one, other in (
            ("tlsCertificates", "credentialNames"),
            ("credentialNames", "tlsCertificates"),
            ("credentialName", "credentialNames"),
        )
    },
    "(has(self.serviceAccounts) || has(self.notServiceAccounts)) ? (!has(self.principals) &&\n"
    "!has(self.notPrincipals) && !has(self.namespaces) && !has(self.notNamespaces)) : true": (
        _accounts_stand_alone
    ),
}
"""What each `x-kubernetes-validations` rule means, by its text; `self` is the argument."""
