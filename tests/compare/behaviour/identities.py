"""Issuers whose tokens the compared meshes are shown, and the tokens."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from jwcrypto.jwk import JWK

from tools.tokens import generate_key, jwks, mint

ALICES = "https://issuer-a.example.com"
BOBS = "issuer-b@example.com"
STRANGERS = "https://issuer-c.example.com"
HOUR_S = 3600

CLAIMS: dict[str, dict[str, Any]] = {
    "alice": {
        "iss": ALICES,
        "sub": "alice",
        "aud": ["api", "web"],
        "azp": "portal",
        "groups": ["dev", "ops"],
        "scope": "read write",
        "level": 3,
        "admin": True,
        "nested": {"role": "editor", "roles": ["editor", "viewer"]},
        "tenant.name": "blue",
    },
    "carol": {"iss": ALICES, "sub": "carol/x", "groups": "dev", "scope": "read", "permissions": "read write"},
    "bob": {"iss": BOBS, "sub": "bob", "aud": "api", "groups": ["ops"], "azp": ["portal", "desk"]},
    "stranger": {"iss": STRANGERS, "sub": "alice", "aud": "api"},
}
GARBAGE = "deadbeef"


class Issuers:
    """Keys, and tokens that are made with them; those that do not expire do so in a day."""

    def __init__(self) -> None:
        keys = {issuer: generate_key("RS256") for issuer in (ALICES, BOBS, STRANGERS)}
        self.key_sets: Mapping[str, str] = {issuer: json.dumps(jwks([key])) for issuer, key in keys.items()}
        """By issuer, what goes into `jwks`."""
        tokens = {name: _minted(keys[claims["iss"]], claims) for name, claims in CLAIMS.items()}
        alice, now = CLAIMS["alice"], int(time.time())
        self.tokens: Mapping[str, str] = {
            **tokens,
            "expired": mint(keys[ALICES], {**alice, "iat": now - 2 * HOUR_S, "exp": now - HOUR_S}),
            "early": mint(keys[ALICES], {**alice, "nbf": now + 24 * HOUR_S, "exp": now + 48 * HOUR_S}),
            "forged": _minted(keys[STRANGERS], alice),
            "garbage": GARBAGE,
        }
        """By name."""


def _minted(key: JWK, claims: Mapping[str, Any]) -> str:
    now = int(time.time())
    return mint(key, {"iat": now, "exp": now + 24 * HOUR_S, **claims})
