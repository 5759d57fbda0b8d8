"""Signing keys and JSON Web Tokens, also such as no honest issuer would make.

jwcrypto does the cryptography. A token is put together by hand (RFC 7515, section 3.1), because a test of a
verifier needs headers that disagree with the signature, which a library for issuers rightly refuses.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable, Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
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

RSA_PRIVATE = ("d", "p", "q", "dp", "dq", "qi")
PURPOSE = ("alg", "use", "key_ops")
TEXT_MEMBERS = ("kty", "kid", "use", "alg", "crv", "n", "e", "x", "y", "k", *RSA_PRIVATE)


class BadKey(ValueError):
    """A key that cannot be read, or cannot sign with an algorithm; the message is one line."""


def generate_key(algorithm: str) -> JWK:
    """A new private key for an algorithm; RSA keys have 2048 bits."""
    return JWK.generate(**_needs(algorithm))


def load_key(data: bytes) -> JWK:
    """The private key in PEM (PKCS#1, PKCS#8, SEC 1) or JWK text; BadKey if there is none that can sign."""
    key = _one_key(data)
    if key["kty"] == "oct":
        raise BadKey("a shared secret; a private key is needed to sign")
    if not key.has_private:
        raise BadKey("a public key; a private one is needed to sign")
    _check_purpose(key)
    if key["kty"] == "RSA" and (missing := [name for name in RSA_PRIVATE if name not in key]):
        raise BadKey(f"an incomplete JWK: it lacks {', '.join(missing)}")
    _check_numbers(key, private=True)
    return key


def load_public_keys(data: bytes) -> list[JWK]:
    """The keys in PEM, JWK or JWK set text that can check a signature; BadKey if there is none."""
    members = _json_object(data).get("keys") if _is_json(data) else None
    texts = [json.dumps(key).encode() for key in members] if isinstance(members, list) else [data]
    if not texts:
        raise BadKey("a key set without a key")
    keys = [_one_key(text) for text in texts]
    for key in keys:
        if key["kty"] != "oct":
            _check_numbers(key, private=False)
    return keys


def _one_key(data: bytes) -> JWK:
    if _is_json(data):
        members = _json_object(data)
        if "keys" in members:
            raise BadKey("a key set; one key is needed")
        for name in TEXT_MEMBERS:
            if not isinstance(members.get(name, ""), str):
                raise BadKey(f"not a JWK: its {name} is no text")
        operations = members.get("key_ops", [])
        if not isinstance(operations, list) or not all(isinstance(each, str) for each in operations):
            raise BadKey("not a JWK: its key_ops are no list of texts")
        try:
            return JWK.from_json(json.dumps(members))
        except (ValueError, JWException) as error:
            raise BadKey(f"not a PEM or JWK key: {_one_line(error)}") from None
    try:
        return JWK.from_pem(data)
    except TypeError:  # what cryptography raises where a passphrase is needed
        raise BadKey(
            "the private key is encrypted; `openssl pkey -in KEY -out PLAIN` removes the passphrase"
        ) from None
    except (ValueError, JWException):
        raise BadKey("not a PEM or JWK key") from None


def _is_json(data: bytes) -> bool:
    return data.lstrip()[:1] in (b"{", b"[")


def _json_object(data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadKey(f"not a PEM or JWK key: {_one_line(error)}") from None
    if not isinstance(value, dict):
        raise BadKey("not a PEM or JWK key: a JSON text, but no object")
    return value


def _check_numbers(key: JWK, private: bool) -> None:
    """BadKey if its numbers make no key of its type: jwcrypto looks at them only when it uses them."""
    try:
        key.export_to_pem(private_key=private, password=None)
    except (ValueError, JWException) as error:
        raise BadKey(f"not a valid {key['kty']} key: {_one_line(error)}") from None


def _check_purpose(key: JWK) -> None:
    """BadKey if the JWK says itself that it is not for signing (RFC 7517, sections 4.2 and 4.3)."""
    if key.get("use", "sig") != "sig":
        raise BadKey(f"a JWK that is not for signing: its use is {key['use']!r}")
    operations = key.get("key_ops", ["sign"])
    if "sign" not in operations:
        raise BadKey(f"a JWK that is not for signing: its key_ops are {json.dumps(operations)}")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


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
    """The public key set: ``kty``, ``kid`` and the key itself, as in Istio's.

    What a JWK says it is for (``alg``, ``use``, ``key_ops``) is said of the private key, and left out.
    """
    return {"keys": [{**_bare(key.export_public(as_dict=True)), "kid": key_id(key)} for key in keys]}


def _bare(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if name not in PURPOSE}


def default_algorithm(key: JWK) -> str:
    """The algorithm that a JWK names, or the first that fits: RS256 for RSA, else that of the curve."""
    if key.get("alg"):
        return str(key["alg"])
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


def verifies(key: JWK, algorithm: str, signed: bytes, signature: bytes) -> bool:
    """Whether a key made this signature, with an algorithm of ours that fits the key."""
    if algorithm not in ALGORITHMS or not _fits(key, ALGORITHMS[algorithm]):
        return False
    public = JWK(**_bare(key.export_public(as_dict=True)))
    try:
        JWA.signing_alg(algorithm).verify(public, signed, signature)
    except (InvalidSignature, ValueError):
        return False
    return True


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
        raise BadKey(f"unknown algorithm {algorithm!r}: choose from {', '.join(ALGORITHMS)}") from None


def _fits(key: JWK, needs: Mapping[str, Any]) -> bool:
    return (key["kty"], key.get("crv")) == (needs["kty"], needs.get("crv"))
