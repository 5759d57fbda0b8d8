"""JSON Web Key Sets (RFC 7517): whether a text is one, and which of its keys a proxy can use."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Collection, Sequence
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from lab.kube.client import Json

Jwk = dict[str, Any]

# What a key of each type has to say of itself (RFC 7518, section 6; RFC 8037).
MEMBERS = {"RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x"), "oct": ("k",)}
ALGORITHMS = {
    "RSA": ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    "P-256": ("ES256",),
    "P-384": ("ES384",),
    "P-521": ("ES512",),
    "Ed25519": ("EdDSA",),
    "oct": ("HS256", "HS384", "HS512"),
}
CURVES: dict[str, ec.EllipticCurve] = {
    "P-256": ec.SECP256R1(),
    "P-384": ec.SECP384R1(),
    "P-521": ec.SECP521R1(),
}


class NotAKeySet(ValueError):
    """A text that is not a JSON Web Key Set; the message says why, in one line."""


def check(text: str) -> None:
    """Raises NotAKeySet unless the text is a key set, even without keys or with keys of unknown types."""
    for number, key in enumerate(_keys(text)):
        kind = key.get("kty") if isinstance(key, dict) else None
        if not isinstance(key, dict) or not isinstance(kind, str):
            raise NotAKeySet(f"key {number} has no type (kty)")
        for member in MEMBERS.get(kind, ()):
            value = key.get(member)
            valid = isinstance(value, str) if member == "crv" else bool(decoded(value))
            if not valid:
                raise NotAKeySet(f"key {number} has no valid {member!r}")


def for_proxies(text: str, algorithms: Collection[str] = ()) -> str:
    """The keys that a proxy can use, with only the members that it needs.

    With `algorithms`, only keys for one of these, and no key for any other.

    A proxy that finds no key at all, or something that it does not understand, refuses its whole
    configuration and stays with what it had; so nothing is left to its judgement.
    """
    try:
        keys = _keys(text)
    except NotAKeySet:
        # Istio's webhook takes a single key as well, and what follows a set. Envoy does not.
        keys = []
    usable = [_only_needed(key) for key in keys if isinstance(key, dict) and _is_usable(key)]
    if algorithms:
        usable = [key | {"alg": name} for key in usable for name in algorithms if name in _algorithms(key)]
    return json.dumps({"keys": usable}) if usable else of_nobody()


@cache
def of_nobody() -> str:
    """A set with one public key whose private half is lost: with it no token is valid.

    It is made anew in every process: a constant one might have its private half published some day.
    """
    numbers = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()
    point = {"x": encoded(numbers.x.to_bytes(32, "big")), "y": encoded(numbers.y.to_bytes(32, "big"))}
    return json.dumps({"keys": [{"kty": "EC", "crv": "P-256", "kid": "of-nobody", **point}]})


def _keys(text: str) -> list[Json]:
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotAKeySet(f"not JSON: {error}") from None
    keys = parsed.get("keys") if isinstance(parsed, dict) else None
    if not isinstance(keys, list):
        raise NotAKeySet('a JSON object with a list of "keys" is expected')
    return keys


def _algorithms(key: Jwk) -> Sequence[str]:
    """Those that a key is for; none if nobody has heard of it."""
    kind = key.get("kty")
    family = key.get("crv") if kind in ("EC", "OKP") else kind
    possible = ALGORITHMS.get(family, ()) if isinstance(family, str) else ()
    return [name for name in possible if key.get("alg", name) == name]


def _is_usable(key: Jwk) -> bool:
    if not isinstance(key.get("kid", ""), str) or not _algorithms(key):
        return False
    try:
        return _READERS[key["kty"]](key)
    except (ValueError, TypeError):
        return False


def _is_rsa(key: Jwk) -> bool:
    numbers = rsa.RSAPublicNumbers(e=number(key["e"]), n=number(key["n"]))
    return 1024 <= numbers.n.bit_length() <= 8192 and bool(numbers.public_key())


def _is_ec(key: Jwk) -> bool:
    x, y, curve = number(key["x"]), number(key["y"]), CURVES[key["crv"]]
    return bool(ec.EllipticCurvePublicNumbers(x, y, curve).public_key())


def _is_okp(key: Jwk) -> bool:
    return bool(ed25519.Ed25519PublicKey.from_public_bytes(decoded(key["x"])))


_READERS: dict[str, Callable[[Jwk], bool]] = {
    "RSA": _is_rsa,
    "EC": _is_ec,
    "OKP": _is_okp,
    "oct": lambda key: bool(decoded(key["k"])),
}


def _only_needed(key: Jwk) -> Jwk:
    return {name: key[name] for name in ("kty", "kid", "alg", *MEMBERS[key["kty"]]) if name in key}


def decoded(value: Json) -> bytes:
    """Base64url without padding; nothing if it is not that."""
    if not isinstance(value, str) or not value.isascii() or any(letter in value for letter in "+/= \n\r\t"):
        return b""
    try:
        return base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        return b""


def number(value: Json) -> int:
    """A whole number, in base64url of its bytes."""
    return int.from_bytes(decoded(value), "big")


def encoded(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
