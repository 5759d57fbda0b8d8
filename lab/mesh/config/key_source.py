"""Key sources: where the keys of an issuer are published, according to a policy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from lab.golang import urls
from lab.golang.printing import quoted
from lab.kube.client import GroupResource
from lab.mesh.model.tokens import JwtRule

DEFAULT_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class KeySource:
    """Where to fetch keys, within `timeout` seconds."""

    uri: str = ""
    """Of the key set; empty: the issuer's discovery document names it."""
    issuer: str = ""
    """Only where the URI is not known."""
    timeout: float = DEFAULT_TIMEOUT_S


@dataclass(frozen=True)
class Asker:
    """The policy object whose tokens need keys."""

    key: GroupResource
    namespace: str
    name: str


@dataclass(frozen=True)
class DeclaredRule:
    """One entry of `jwtRules`: all but the keys, which are either in it or fetched from a source."""

    rule: JwtRule
    source: KeySource | None

    def with_keys(self, key_sets: Mapping[KeySource, str]) -> JwtRule:
        if self.source is None:
            return self.rule
        return replace(self.rule, jwks=key_sets.get(self.source))


NO_KEYS: Mapping[KeySource, str] = MappingProxyType({})


def uri_problems(uri: str) -> Iterator[str]:
    """The problems of an HTTP or HTTPS URI, with Go's messages."""
    if problem := urls.problem(uri):
        yield f"parse {quoted(uri)}: {problem}"
