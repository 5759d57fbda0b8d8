"""Sets of policies, drawn from a seed: valid, mostly meaningful in the playground, often in each other's way.

Of what depends on the lab, `{foo/sleep}` stands for a pod's address, and `{keys of ISSUER}` for a key set.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, TypeVar

from tests.compare.behaviour.identities import ALICES, BOBS
from tests.compare.behaviour.vocabulary import (
    ACTIONS,
    CONDITIONS,
    EXPORTS,
    GATEWAY,
    MODES,
    NAMESPACES,
    OPERATIONS,
    POD_PORTS,
    REFERENCES,
    ROOT,
    RULE_HOSTS,
    SELECTORS,
    SOURCES,
)

Object = dict[str, Any]
Value = TypeVar("Value")

MOST = 4
LATER = "example.com/created-a-second-later"
"""The annotation of a policy that is younger than those before it: Kubernetes counts in seconds."""


class Draw:
    """What is drawn from one seed."""

    def __init__(self, seed: int, number: int) -> None:
        self._random = Random(f"{seed}/{number}")

    def one(self, values: Sequence[Value]) -> Value:
        return self._random.choice(values)

    def some(self, values: Sequence[Value], most: int = 3) -> list[Value]:
        """At least one; few rather than many."""
        number = min(self._random.randint(1, most), self._random.randint(1, most), len(values))
        return self._random.sample(values, number)

    def now_and_then(self, probability: float) -> bool:
        return self._random.random() < probability

    def _themes(self) -> Sequence[Sequence[Callable[[], Object]]]:
        """What sets are made of; some of one kind only, in which policies meet more often."""
        access, peer, tokens, rule = self._access, self._peer, self._tokens, self._rule
        mixed = (access, access, access, peer, peer, tokens, rule)
        return (*(mixed,) * 6, (access,), (access, tokens), (tokens,), (peer,), (rule,), (peer, rule))

    def policies(self) -> list[Object]:
        """One to four of them."""
        makers = self.one(self._themes())
        made = [self.one(makers)() for _ in range(self._random.randint(1, MOST))]
        asks = any("request.auth" in str(each) or "requestPrincipals" in str(each) for each in made)
        if asks and len(made) < MOST and not any(each["kind"] == "RequestAuthentication" for each in made):
            made.append(self._tokens())
        self._random.shuffle(made)
        names = [f"p{number}" for number in range(len(made))]
        if len(made) > 1 and self.now_and_then(0.2):
            self._random.shuffle(names)
            self.one(made[1:])["metadata"].setdefault("annotations", {})[LATER] = "true"
        for name, policy in zip(names, made, strict=True):
            policy["metadata"]["name"] = name
        return made

    def _policy(self, group: str, kind: str, namespace: str, spec: Object) -> Object:
        version = f"{group}/v1"
        return {"apiVersion": version, "kind": kind, "metadata": {"namespace": namespace}, "spec": spec}

    def _place(self, *, refers: bool = True) -> tuple[str, Object]:
        """A namespace, and perhaps a selector or references."""
        if refers and self.now_and_then(0.1):
            return "foo", {"targetRefs": [dict(each) for each in self.some(REFERENCES, 2)]}
        if self.now_and_then(0.15):
            return ROOT, {"selector": {"matchLabels": dict(GATEWAY)}}
        namespace = self.one(NAMESPACES)
        if self.now_and_then(0.45):
            return namespace, {}
        return namespace, {"selector": {"matchLabels": dict(self.one(SELECTORS))}}

    def _peer(self) -> Object:
        namespace, spec = self._place(refers=False)
        if self.now_and_then(0.9):
            spec["mtls"] = {"mode": self.one(MODES)}
        if "selector" in spec and self.now_and_then(0.6):
            ports = self.some(POD_PORTS)
            spec["portLevelMtls"] = {str(port): {"mode": self.one(MODES)} for port in ports}
        return self._policy("security.istio.io", "PeerAuthentication", namespace, spec)

    def _tokens(self) -> Object:
        namespace, spec = self._place()
        rules = self._random.randint(0, 6)
        spec["jwtRules"] = [self._issuer() for _ in range((1, 1, 1, 1, 2, 2, 0)[rules])]
        return self._policy("security.istio.io", "RequestAuthentication", namespace, spec)

    def _issuer(self) -> Object:
        issuer = self.one((ALICES, ALICES, BOBS))
        rule: Object = {"issuer": issuer, "jwks": f"{{keys of {self.one((issuer,) * 6 + (ALICES,))}}}"}
        optional: Mapping[str, Callable[[], Any]] = {
            "audiences": lambda: self.some(("api", "web", "none")),
            "fromHeaders": lambda: self.some(
                (
                    {"name": "x-token"},
                    {"name": "x-token", "prefix": "Token "},
                    {"name": "authorization", "prefix": "Bearer "},
                )
            ),
            "fromParams": lambda: self.some(("token", "access_token")),
            "fromCookies": lambda: ["session"],
            "outputPayloadToHeader": lambda: "x-payload",
            "outputClaimToHeaders": lambda: self.some(
                (
                    {"header": "x-user", "claim": "sub"},
                    {"header": "x-groups", "claim": "groups"},
                    {"header": "x-level", "claim": "level"},
                    {"header": "x-level", "claim": "nested.role"},
                )
            ),
            "forwardOriginalToken": lambda: self.now_and_then(0.8),
            "spaceDelimitedClaims": lambda: self.some(("permissions", "groups")),
        }
        return rule | {name: make() for name, make in optional.items() if self.now_and_then(0.2)}

    def _access(self) -> Object:
        namespace, spec = self._place()
        action = self.one(ACTIONS)
        if action != "ALLOW" or self.now_and_then(0.5):
            spec["action"] = action
        number = self._random.choice((0, 1, 1, 1, 1, 2, 2, 3))
        if number or action != "ALLOW":
            spec["rules"] = [self._access_rule() for _ in range(max(number, 1))]
        policy = self._policy("security.istio.io", "AuthorizationPolicy", namespace, spec)
        if action != "AUDIT" and self.now_and_then(0.07):
            policy["metadata"]["annotations"] = {"istio.io/dry-run": self.one(("true", "false"))}
        return policy

    def _access_rule(self) -> Object:
        rule: Object = {}
        if self.now_and_then(0.5):
            rule["from"] = [{"source": self._fields(SOURCES)} for _ in self.some((1, 2))]
        if self.now_and_then(0.5):
            rule["to"] = [{"operation": self._fields(OPERATIONS)} for _ in self.some((1, 2))]
        if self.now_and_then(0.35) or (not rule and self.now_and_then(0.8)):
            rule["when"] = [self._condition() for _ in self.some((1, 2))]
        return rule

    def _fields(self, known: Mapping[str, Sequence[str]]) -> Object:
        fields = {}
        for name in self.some(tuple(known)):
            negative = f"not{name[0].upper()}{name[1:]}"
            fields[negative if self.now_and_then(0.3) else name] = self.some(known[name])
            if self.now_and_then(0.08):
                fields[negative] = self.some(known[name])
        if "serviceAccounts" in fields or "notServiceAccounts" in fields:
            # Not allowed beside these.
            for name in ("principals", "notPrincipals", "namespaces", "notNamespaces"):
                fields.pop(name, None)
        return fields

    def _condition(self) -> Object:
        key, values = self.one(CONDITIONS)
        condition: Object = {"key": key}
        negated = self.now_and_then(0.3)
        condition["notValues" if negated else "values"] = self.some(values)
        if self.now_and_then(0.08):
            condition["values" if negated else "notValues"] = self.some(values)
        return condition

    def _rule(self) -> Object:
        spec: Object = {"host": self.one(RULE_HOSTS)}
        policy: Object = {}
        if self.now_and_then(0.8):
            policy["tls"] = self._tls()
        if self.now_and_then(0.3):
            policy["portLevelSettings"] = [
                {"port": {"number": port}} | ({"tls": self._tls()} if self.now_and_then(0.8) else {})
                for port in self.some((8000, 9000))
            ]
            for entry in policy["portLevelSettings"]:
                if "tls" not in entry:
                    entry["loadBalancer"] = {"simple": "ROUND_ROBIN"}
        if self.now_and_then(0.15):
            policy["connectionPool"] = {"tcp": {"maxConnections": 1000}}
        if policy:
            spec["trafficPolicy"] = policy
        if self.now_and_then(0.3):
            spec["exportTo"] = list(self.one(EXPORTS))
        elif self.now_and_then(0.2):
            spec["workloadSelector"] = {
                "matchLabels": dict(self.one(({"app": "sleep"}, {"app": "other"}, GATEWAY)))
            }
        namespace = self.one(("foo", "foo", "bar", "bar", "legacy", ROOT, ROOT))
        return self._policy("networking.istio.io", "DestinationRule", namespace, spec)

    def _tls(self) -> Object:
        tls: Object = {"mode": self.one(("DISABLE", "DISABLE", "ISTIO_MUTUAL", "ISTIO_MUTUAL", "SIMPLE"))}
        if tls["mode"] == "ISTIO_MUTUAL" and self.now_and_then(0.2):
            tls["subjectAltNames"] = [
                self.one(
                    ("spiffe://cluster.local/ns/foo/sa/httpbin", "spiffe://cluster.local/ns/foo/sa/sleep")
                )
            ]
        if self.now_and_then(0.1):
            tls["sni"] = "sni.example.com"
        return tls


def policy_set(seed: int, number: int) -> list[Object]:
    """The set of this number; the same at every time and on every machine."""
    return Draw(seed, number).policies()
