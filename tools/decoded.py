"""What is in a JSON Web Token, for a reader: its header, its claims, its times in words, and its signature.

Nothing here trusts a token: without a key that its signature was checked with, it is called unverified.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from jwcrypto.common import base64url_decode
from jwcrypto.jwk import JWK

from tools import tokens

# Claim -> what is said of a moment that has passed, and of one that has not.
TIMES = {
    "exp": ("expired {} ago", "expires in {}"),
    "nbf": ("valid since {} ago", "not valid for another {}"),
    "iat": ("issued {} ago", "issued {} in the future"),
}
UNITS = (("year", 31_557_600), ("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1))


class BadToken(ValueError):
    """A text that is no signed token in the compact form; the message is one line."""


@dataclass(frozen=True)
class Decoded:
    """A token taken apart; ``signed`` is what its signature is over."""

    header: dict[str, Any]
    claims: dict[str, Any]
    signed: bytes
    signature: bytes


@dataclass(frozen=True)
class Verdict:
    """What is known of a signature; ``wrong`` if it was checked and is not right."""

    text: str
    wrong: bool = False


def decode(text: str) -> Decoded:
    """The token in the compact form of RFC 7515, section 3.1; BadToken says which part is wrong."""
    parts = text.split(".")
    if len(parts) == 5:
        raise BadToken("an encrypted token (JWE), which only its recipient can read")
    if len(parts) != 3:
        raise BadToken(f"no signed token: those have three parts between dots, this one has {len(parts)}")
    header, claims = (_object(name, part) for name, part in zip(("header", "claims"), parts, strict=False))
    signed = ".".join(parts[:2]).encode()
    return Decoded(header, claims, signed, _bytes("signature", parts[2]))


def check(token: Decoded, keys: Sequence[JWK], place: str) -> Verdict:
    """Whether one of the keys made the signature; ``place`` is where they are from. No keys: not verified."""
    algorithm = token.header.get("alg")
    if not token.signature:
        return Verdict("none, this token is not signed", wrong=bool(keys))
    if not keys:
        return Verdict("not verified, no key was given")
    for key in keys:
        if tokens.verifies(key, str(algorithm), token.signed, token.signature):
            return Verdict(f"verified with {place} (kid {tokens.key_id(key)})")
    if algorithm not in tokens.ALGORITHMS:
        return Verdict(f"not verified, there is no way to check alg {json.dumps(algorithm)} here", wrong=True)
    return Verdict(f"WRONG, not made by the key in {place}", wrong=True)


def lines(token: Decoded, verdict: Verdict, now: float) -> Iterator[str]:
    """The token as text; ``now`` is in Unix seconds."""
    yield f"header: {json.dumps(token.header, indent=2)}"
    yield f"claims: {json.dumps(token.claims, indent=2)}"
    yield from (f"{name}: {when(name, token.claims[name], now)}" for name in TIMES if name in token.claims)
    yield f"signature: {verdict.text}"


def when(name: str, value: object, now: float) -> str:
    """A claim that is a moment, in words: ``2018-07-24 00:08:20 UTC, issued 8 years ago``."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return f"{json.dumps(value)} is no time; a number of Unix seconds is expected"
    try:
        moment = datetime.fromtimestamp(value, UTC)
    except (OverflowError, ValueError, OSError):
        return f"{json.dumps(value)} is outside of the calendar"
    past, future = TIMES[name]
    return (
        f"{moment:%Y-%m-%d %H:%M:%S} UTC, {(past if value <= now else future).format(lasting(now - value))}"
    )


def lasting(seconds: float) -> str:
    """A duration in its largest unit, rounded down: ``59 minutes`` of 3599 seconds."""
    whole = int(abs(seconds))
    unit, size = next(((unit, size) for unit, size in UNITS if whole >= size), UNITS[-1])
    count = whole // size
    return f"{count} {unit}" + ("" if count == 1 else "s")


def _object(name: str, part: str) -> dict[str, Any]:
    try:
        value = json.loads(_bytes(name, part))
    except (ValueError, RecursionError):
        raise BadToken(f"no token: its {name} is no JSON in base64url") from None
    if not isinstance(value, dict):
        raise BadToken(f"no token: its {name} is JSON, but no object")
    return value


def _bytes(name: str, part: str) -> bytes:
    try:
        return bytes(base64url_decode(part))
    except ValueError:
        raise BadToken(f"no token: its {name} is no base64url") from None
