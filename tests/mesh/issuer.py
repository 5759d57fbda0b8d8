"""Somebody who issues tokens, for tests: a key, and what is asked for by default."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from jwcrypto.jwk import JWK

from tools.tokens import generate_key, jwks, mint

ISSUER = "testing@secure.istio.io"


@cache
def key(number: int = 0, algorithm: str = "RS256") -> JWK:
    """One of several keys; making them takes its time."""
    return generate_key(algorithm)


@dataclass(frozen=True)
class Issuer:
    name: str = ISSUER
    key: JWK = field(default_factory=key)

    @property
    def rule(self) -> dict[str, Any]:
        """What makes a mesh believe the tokens."""
        return {"issuer": self.name, "jwks": json.dumps(jwks([self.key]))}

    def token(self, *, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """A valid token, but for the claims that are given; None leaves a claim out."""
        now = int(time.time())
        usual = {"iss": self.name, "sub": self.name, "iat": now, "exp": now + 3600}
        wanted = {name: value for name, value in {**usual, **claims}.items() if value is not None}
        return mint(self.key, wanted, header=header)


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}
