"""The tokens that the steps name in their rows."""

from __future__ import annotations

from functools import partial

from fixtures.ingress import Token
from fixtures.issuer import Issuer

DOCUMENTED_LIFETIME_S = 5
AUDIENCE = "conformance"


def by_name(issuer: Issuer) -> dict[str, Token]:
    """Each token by the name that grids use, made anew whenever it is asked for."""
    token = issuer.token
    return {
        "none": lambda: None,
        "deadbeef": lambda: "deadbeef",
        "valid": issuer.valid,
        "other-issuer": partial(token, iss="somebody@example.com"),
        "strangers-key": partial(token, strangers_key=True),
        "unknown-kid": partial(token, header={"kid": "unknown"}, strangers_key=True),
        "not-signed": issuer.unsigned,
        "public-secret": issuer.signed_with_the_public_key,
        "any-audience": partial(token, aud="anybody"),
        "right-audience": partial(token, aud=AUDIENCE),
        **{f"exp-{seconds}-ago": partial(token, expires_in=-seconds) for seconds in (55, 59, 61, 65)},
        **{f"nbf-in-{seconds}": partial(token, valid_in=seconds) for seconds in (55, 59, 62, 65)},
        **{
            f"after-{age}": partial(token, expires_in=DOCUMENTED_LIFETIME_S - age, iat=None)
            for age in range(0, 100, 10)
        },
    }
