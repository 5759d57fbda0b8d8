"""JSON Web Key Sets (RFC 7517): whether a text is one, and one that fits no signature at all."""

from __future__ import annotations

import base64
import json
import re
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

# What a key of each type has to say of itself (RFC 7518, section 6; RFC 8037).
MEMBERS = {"RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x"), "oct": ("k",)}
BASE64URL = re.compile(r"[A-Za-z0-9_-]+={0,2}")


class NotAKeySet(ValueError):
    """A text that is no JSON Web Key Set; the message says why, in one line."""


def check(text: str) -> None:
    """Raises NotAKeySet unless the text is a key set. One without keys is one."""
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotAKeySet(f"not JSON: {error}") from None
    keys = parsed.get("keys") if isinstance(parsed, dict) else None
    if not isinstance(keys, list):
        raise NotAKeySet('a JSON object with a list of "keys" is expected')
    for number, key in enumerate(keys):
        _check_key(key, f"key {number}")


def _check_key(key: Any, which: str) -> None:
    kind = key.get("kty") if isinstance(key, dict) else None
    if not isinstance(kind, str) or kind not in MEMBERS:
        raise NotAKeySet(f"{which} has no known type (kty)")
    for member in MEMBERS[kind]:
        value = key.get(member)
        if not isinstance(value, str) or (member != "crv" and not BASE64URL.fullmatch(value)):
            raise NotAKeySet(f"{which} has no valid {member!r}")


@cache
def of_nobody() -> str:
    """A set with one public key whose private half is lost: with it no token is valid.

    It is made anew in every process: a constant one might have its private half published some day.
    """
    numbers = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()
    point = {"x": _coordinate(numbers.x), "y": _coordinate(numbers.y)}
    return json.dumps({"keys": [{"kty": "EC", "crv": "P-256", "kid": "of-nobody", **point}]})


def _coordinate(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes(32, "big")).rstrip(b"=").decode()
