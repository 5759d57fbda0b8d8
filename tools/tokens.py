"""Signing keys and JSON Web Tokens, also such as no honest issuer would make.

jwcrypto does the cryptography. A token is put together by hand (RFC 7515, section 3.1), because a test of a
verifier needs headers that disagree with the signature, which a library for issuers rightly refuses.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable, Mapping
from typing import Any

from jwcrypto.common import JWException, base64url_encode
from jwcrypto.jwa import JWA
from jwcrypto.jwk import JWK

# Algorithm -> what JWK.generate needs for a key that can sign with it.
ALGORITHMS: dict[str, dict[str, Any]] = {
    **{
        f"{family}{bits}": {"kty": "RSA", "size": 2048} for family in ("RS", "PS") for bits in (256, 384, 512)
    },
    "ES256": {"kty": "EC", "crv": "P-256"},
    "ES384": {"kty": "EC", "crv": "P-384"},
    "ES512": {"kty": "EC", "crv": "P-521"},
    "EdDSA": {"kty": "OKP", "crv": "Ed25519"},
}


class BadKey(ValueError):
    """A key that cannot be read, or cannot sign with an algorithm; the message is one line."""


def generate_key(algorithm: str) -> JWK:
    """A new private key for an algorithm; RSA keys have 2048 bits."""
    return JWK.generate(**_needs(algorithm))


def load_key(data: bytes) -> JWK:
    """The private key in PEM (PKCS#1, PKCS#8, SEC 1) or JWK text; BadKey if there is none."""
    try:
        key = JWK.from_json(data.decode()) if data.lstrip().startswith(b"{") else JWK.from_pem(data)
    except (ValueError, JWException) as error:
        raise BadKey(f"not a PEM or JWK key: {error}") from None
    if not key.has_private:
        raise BadKey("a public key; a private one is needed to sign")
    return key


def pem(key: JWK) -> bytes:
    """The private key as unencrypted PKCS#8 PEM."""
    return bytes(key.export_to_pem(private_key=True, password=None))


def public_pem(key: JWK) -> bytes:
    """The public key as PEM (SubjectPublicKeyInfo)."""
    return bytes(key.export_to_pem())


def key_id(key: JWK) -> str:
    """The key's own ``kid``, or its thumbprint (RFC 7638) as Istio's generator has it."""
    return str(key.get("kid") or key.thumbprint())


def jwks(keys: Iterable[JWK]) -> dict[str, list[dict[str, Any]]]:
    """The public key set: ``kty``, ``kid`` and the key itself; no ``alg`` or ``use``, as in Istio's."""
    return {"keys": [{**key.export_public(as_dict=True), "kid": key_id(key)} for key in keys]}


def default_algorithm(key: JWK) -> str:
    """The first algorithm that a key can sign with: RS256 for RSA, the curve's own for the others."""
    for algorithm, needs in ALGORITHMS.items():
        if _fits(key, needs):
            return algorithm
    raise BadKey(f"no signature algorithm for keys of type {key['kty']} {key.get('crv', '')}".strip())


def mint(
    key: JWK,
    claims: Mapping[str, Any],
    algorithm: str | None = None,
    header: Mapping[str, Any] | None = None,
) -> str:
    """A signed token in the compact form.

    ``algorithm`` is what the signature is made with (default: what fits the key). ``header`` replaces or adds
    header parameters after the choice of the algorithm, so that it may contradict the signature; a value of
    None leaves the parameter out. Times among the claims are Unix seconds. BadKey if the two do not fit.
    """
    algorithm = algorithm or default_algorithm(key)
    if not _fits(key, _needs(algorithm)):
        raise BadKey(f"a key of type {key['kty']} {key.get('crv', '')}".strip() + f" cannot sign {algorithm}")
    parameters = {"alg": algorithm, "typ": "JWT", "kid": key_id(key), **(header or {})}
    kept = {name: value for name, value in parameters.items() if value is not None}
    text = f"{_encoded(kept)}.{_encoded(claims)}"
    signature = JWA.signing_alg(algorithm).sign(key, text.encode())
    return f"{text}.{base64url_encode(signature)}"


def mint_unsigned(claims: Mapping[str, Any], header: Mapping[str, Any] | None = None) -> str:
    """A token of the algorithm ``none``: with an empty signature (RFC 7518, section 3.6)."""
    return f"{_encoded({'alg': 'none', 'typ': 'JWT', **(header or {})})}.{_encoded(claims)}."


def mint_symmetric(secret: bytes, claims: Mapping[str, Any], header: Mapping[str, Any] | None = None) -> str:
    """A token of the algorithm HS256, signed with a secret that whoever checks it must have as well."""
    text = f"{_encoded({'alg': 'HS256', 'typ': 'JWT', **(header or {})})}.{_encoded(claims)}"
    return f"{text}.{base64url_encode(hmac.digest(secret, text.encode(), 'sha256'))}"


def _encoded(value: Mapping[str, Any]) -> str:
    return str(base64url_encode(json.dumps(value, separators=(",", ":"))))


def _needs(algorithm: str) -> dict[str, Any]:
    try:
        return ALGORITHMS[algorithm]
    except KeyError:
        raise BadKey(f"unknown algorithm {algorithm!r}: there is {', '.join(ALGORITHMS)}") from None


def _fits(key: JWK, needs: Mapping[str, Any]) -> bool:
    return (key["kty"], key.get("crv")) == (needs["kty"], needs.get("crv"))
