"""Validation of inline key sets (`jwks`), as the library jwx does it for Istio's webhook.

Whether a proxy can use one of the keys is not checked.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import NoReturn

from lab.kube.client import Json

NUMBERS = {"RSA": ("e", "n"), "EC": ("x", "y"), "OKP": ("x",), "oct": ("k",)}
"""By type, the members in base64 that a key must have."""
PRIVATE = {"RSA": ("d", "p", "q", "dp", "dq", "qi"), "EC": ("d",), "OKP": ("d",), "oct": ()}
"""Those of private keys; with `d` a key is one."""
WITH_CURVE = ("EC", "OKP")
TEXTS = ("alg", "kid", "use", "x5t", "x5t#S256", "x5u")


def problem(text: str) -> str:
    """What is wrong with a key set; "" if nothing is. A single key is accepted, too."""
    try:
        # What follows the first value is not looked at.
        parsed, _ = _DECODER.raw_decode(text.lstrip(" \t\r\n"))
    except (ValueError, RecursionError) as error:
        return f"failed to unmarshal JWK set: {error}"
    if not isinstance(parsed, dict):
        return "failed to unmarshal JWK set: expected '{'"
    if "keys" not in parsed:
        why = _key_problem(parsed)
        return f"failed to unmarshal JWK set: failed to parse sole key in key set: {why}" if why else ""
    keys = parsed["keys"]
    if not isinstance(keys, list | None):
        return 'failed to unmarshal JWK set: failed to decode "keys"'
    for number, key in enumerate(keys or ()):
        if why := _key_problem(key):
            return f'failed to unmarshal JWK set: failed to decode key #{number} in "keys": {why}'
    return ""


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"invalid character {name[0]!r} looking for beginning of value")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def _key_problem(key: Json) -> str:
    if not isinstance(key, dict | None):
        return "failed to unmarshal JSON into key hint"
    key = key or {}
    kind = key.get("kty") or ""
    if not isinstance(kind, str):
        return "failed to unmarshal JSON into key hint"
    if kind not in NUMBERS:
        return f"invalid key type from JSON ({kind})"
    for name in (*TEXTS, *(("crv",) if kind in WITH_CURVE else ())):
        if not isinstance(key.get(name), str | None):
            return f"failed to decode value for key {name}"
    if not _is_texts(key.get("key_ops")):
        return "failed to decode value for key key_ops"
    private = PRIVATE[kind] if "d" in key else ()
    for name in (*NUMBERS[kind], *private):
        if not _is_base64(key.get(name)):
            return f"failed to decode value for key {name}"
    needed = (*(("crv",) if kind in WITH_CURVE else ()), *private[:1], *NUMBERS[kind])
    return next((f"required field {name} is missing" for name in needed if name not in key), "")


def _is_texts(value: Json) -> bool:
    return value is None or (isinstance(value, list) and all(isinstance(each, str | None) for each in value))


def _is_base64(value: Json) -> bool:
    """In either alphabet, with padding or without."""
    if value is None:
        return True
    if not isinstance(value, str) or not value.isascii():
        return False
    # As in Go, where lines may be broken.
    text = value.replace("\r", "").replace("\n", "")
    letters = None if set("+/") & set(text) else b"-_"
    if letters is None and set("-_") & set(text):
        return False
    padded = text if value.endswith("=") else text + "=" * (-len(text) % 4)
    try:
        base64.b64decode(padded, altchars=letters, validate=True)
    except binascii.Error:
        return False
    return True
