"""Tokens that somebody made without the issuer's key, or that no honest issuer makes: none gets through.

In the manner of Project Wycheproof: the known attacks on verifiers of JSON Web Tokens, one an entry.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from jwcrypto.common import base64url_encode

from tests.mesh.conftest import SERVER
from tests.mesh.issuer import ISSUER, Issuer, bearer, key
from tests.mesh.plane import Plane
from tools.tokens import jwks, key_id

RSA, STRANGER, EC = key(), key(1), key(0, "ES256")
HEADER = {"alg": "RS256", "typ": "JWT", "kid": key_id(RSA)}
CLAIMS = {"iss": ISSUER, "sub": "me", "exp": int(time.time()) + 3600}


def part(value: Any) -> str:
    text = value if isinstance(value, str | bytes) else json.dumps(value, separators=(",", ":"))
    return str(base64url_encode(text))


def unsigned(header: Any, claims: Any = CLAIMS, signature: bytes | str = b"") -> str:
    return f"{part(header)}.{part(claims)}.{part(signature)}"


def signed(header: Any = HEADER, claims: Any = CLAIMS) -> str:
    """By the issuer itself, who should not have done it; both may be any text."""
    text = f"{part(header)}.{part(claims)}"
    return f"{text}.{part(RSA.get_op_key('sign').sign(text.encode(), PKCS1v15(), SHA256()))}"


def with_mac(secret: bytes, algorithm: str = "HS256", **header: Any) -> str:
    text = f"{part({**HEADER, 'alg': algorithm, **header})}.{part(CLAIMS)}"
    digest = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}[algorithm]
    return f"{text}.{part(hmac.new(secret, text.encode(), digest).digest())}"


def text_of(claims: Mapping[str, Any], more: str) -> str:
    """JSON with something in it that no library would write."""
    return json.dumps(claims)[:-1] + "," + more + "}"


GOOD = signed()
HEAD, PAYLOAD, SIGNATURE = GOOD.split(".")
PUBLIC_PEM = RSA.export_to_pem()
OWN_JWK = STRANGER.export_public(as_dict=True)
NOW = int(time.time())


def by_stranger(**header: Any) -> str:
    return Issuer(key=STRANGER).token(header={"kid": key_id(RSA), **header})


def flipped(encoded: str, place: int) -> str:
    raw = bytearray(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    raw[place] ^= 1
    return part(bytes(raw))


FORGED = {
    # No signature at all.
    **{f"alg {name}": unsigned({**HEADER, "alg": name}) for name in ("none", "None", "NONE", "nOnE", "")},
    "alg null": unsigned({**HEADER, "alg": None}),
    "alg a number": unsigned({**HEADER, "alg": 0}),
    "alg a list": unsigned({**HEADER, "alg": ["none"]}),
    "alg missing": unsigned({"typ": "JWT"}),
    "alg none with a signature": f"{part({**HEADER, 'alg': 'none'})}.{PAYLOAD}.{SIGNATURE}",
    "alg none after RS256": unsigned('{"alg":"RS256","alg":"none"}'),
    "alg RS256 after none": unsigned('{"alg":"none","alg":"RS256"}'),
    "empty signature": f"{HEAD}.{PAYLOAD}.",
    "signature of one byte": f"{HEAD}.{PAYLOAD}.AA",
    "signature of zeros": f"{HEAD}.{PAYLOAD}.{part(bytes(256))}",
    "signature of ones": f"{HEAD}.{PAYLOAD}.{part(bytes([255]) * 256)}",
    # The public key taken for a secret.
    "HMAC with the PEM": with_mac(PUBLIC_PEM),
    "HMAC with the PEM, no newline": with_mac(PUBLIC_PEM.strip()),
    "HMAC with the modulus": with_mac(base64.urlsafe_b64decode(RSA.export_public(as_dict=True)["n"] + "==")),
    "HMAC with the JWK": with_mac(RSA.export_public().encode()),
    "HMAC with the key set": with_mac(json.dumps(jwks([RSA])).encode()),
    "HMAC with nothing": with_mac(b""),
    "HMAC 384": with_mac(PUBLIC_PEM, "HS384"),
    "HMAC 512": with_mac(PUBLIC_PEM, "HS512"),
    "HMAC without kid": with_mac(PUBLIC_PEM, kid=None),
    # Tampered with.
    "payload changed": f"{HEAD}.{part({**CLAIMS, 'sub': 'admin'})}.{SIGNATURE}",
    "payload, one bit": f"{HEAD}.{flipped(PAYLOAD, 20)}.{SIGNATURE}",
    "header changed": f"{part({**HEADER, 'typ': 'at+jwt'})}.{PAYLOAD}.{SIGNATURE}",
    "signature, first bit": f"{HEAD}.{PAYLOAD}.{flipped(SIGNATURE, 0)}",
    "signature, last bit": f"{HEAD}.{PAYLOAD}.{flipped(SIGNATURE, -1)}",
    "signature cut": f"{HEAD}.{PAYLOAD}.{SIGNATURE[:-4]}",
    "signature longer": f"{HEAD}.{PAYLOAD}.{SIGNATURE}AAAA",
    "parts of two tokens": f"{HEAD}.{part({**CLAIMS, 'sub': 'you'})}.{SIGNATURE}",
    "algorithm of another padding": f"{part({**HEADER, 'alg': 'PS256'})}.{PAYLOAD}.{SIGNATURE}",
    "algorithm of another hash": f"{part({**HEADER, 'alg': 'RS384'})}.{PAYLOAD}.{SIGNATURE}",
    # Somebody else's key, with the right name or a helpful header.
    "wrong key, right kid": by_stranger(),
    "wrong key, no kid": by_stranger(kid=None),
    "wrong key, its JWK": by_stranger(jwk=OWN_JWK),
    "wrong key, its JWK and no kid": by_stranger(jwk=OWN_JWK, kid=None),
    "wrong key, its URL": by_stranger(jku="http://10.244.0.31:8080/"),
    "wrong key, its certificate": by_stranger(x5c=["MIIB"], x5u="http://10.244.0.31:8080/"),
    "wrong key, both kids": by_stranger(kid=f"{key_id(RSA)},{key_id(STRANGER)}"),
    "kid a path": by_stranger(kid="../../../../dev/null"),
    "kid of the void": with_mac(b"", kid="/dev/null"),
    "kid a query": by_stranger(kid="' UNION SELECT 'key"),
    "kid a command": by_stranger(kid="|sleep 5"),
    "kid a list": by_stranger(kid=[key_id(RSA)]),
    "kid a number": by_stranger(kid=1),
    "kid empty": by_stranger(kid=""),
    "elliptic key, right kid": Issuer(key=EC).token(header={"kid": key_id(RSA)}),
    "elliptic signature of zeros": unsigned({**HEADER, "alg": "ES256", "kid": None}, CLAIMS, bytes(64)),
    "elliptic signature of zeros, long": unsigned({"alg": "ES512"}, CLAIMS, bytes(132)),
    "Edwards signature of zeros": unsigned({"alg": "EdDSA"}, CLAIMS, bytes(64)),
}

# Rightly signed, and yet not to be believed.
MALFORMED = {
    # Not three parts.
    "nothing but dots": "..",
    "one part": HEAD,
    "two parts": f"{HEAD}.{PAYLOAD}",
    "four parts": f"{GOOD}.{SIGNATURE}",
    "five parts, as if encrypted": f"{HEAD}.{PAYLOAD}.{PAYLOAD}.{PAYLOAD}.{SIGNATURE}",
    # Empty parts do not count for Envoy, so that a dot too many does no harm to a whole token.
    "empty header": f".{PAYLOAD}.{SIGNATURE}",
    "empty payload": f"{HEAD}..{SIGNATURE}",
    "JSON serialisation": json.dumps({"protected": HEAD, "payload": PAYLOAD, "signature": SIGNATURE}),
    # Not the alphabet. Of what comes before such a letter a whole token may be left, which is another token.
    "blank in the payload": f"{HEAD}.{PAYLOAD[:9]} {PAYLOAD[9:]}.{SIGNATURE}",
    "tab after the header": f"{HEAD}\t.{PAYLOAD}.{SIGNATURE}",
    "blank before": f" {HEAD}. {PAYLOAD}.{SIGNATURE}",
    "padding in the header": f"{HEAD}==.{PAYLOAD}.{SIGNATURE}",
    "standard alphabet": f"{HEAD}.{PAYLOAD}.{'+/' + SIGNATURE[2:]}",
    "length that cannot be": f"{HEAD}.{PAYLOAD}.{SIGNATURE[:-1]}",
    # Not JSON objects.
    "header a list": signed(["RS256"]),
    "header a text": signed('"RS256"'),
    "header null": signed("null"),
    "header cut": signed('{"alg":"RS256"'),
    "payload a list": signed(claims=[CLAIMS]),
    "payload a number": signed(claims="1"),
    "payload null": signed(claims="null"),
    "payload empty JSON": signed(claims="{}"),
    "payload cut": signed(claims=json.dumps(CLAIMS)[:-1]),
    "payload with more": signed(claims=json.dumps(CLAIMS) + "{}"),
    "payload not UTF-8": signed(claims=json.dumps(CLAIMS)[:-1].encode() + b',"x":"\xff\xfe"}'),
    "payload deeply nested": signed(claims=text_of(CLAIMS, '"x":' + "[" * 2000 + "]" * 2000)),
    # Not for us, or not now.
    "issuer missing": signed(claims={"sub": "me"}),
    "issuer null": signed(claims={**CLAIMS, "iss": None}),
    "issuer a list": signed(claims={**CLAIMS, "iss": [ISSUER]}),
    "issuer with a slash": signed(claims={**CLAIMS, "iss": ISSUER + "/"}),
    "issuer in capitals": signed(claims={**CLAIMS, "iss": ISSUER.upper()}),
    "issuer with NUL": signed(claims={**CLAIMS, "iss": ISSUER + "\0"}),
    "expired": signed(claims={**CLAIMS, "exp": NOW - 3600}),
    "expired long ago": signed(claims={**CLAIMS, "exp": 1}),
    "exp negative": signed(claims={**CLAIMS, "exp": -1}),
    "exp a text": signed(claims={**CLAIMS, "exp": str(NOW + 3600)}),
    "exp a list": signed(claims={**CLAIMS, "exp": [NOW + 3600]}),
    "exp true": signed(claims={**CLAIMS, "exp": True}),
    "exp huge": signed(claims={**CLAIMS, "exp": 2**64}),
    "exp huger": signed(claims=text_of({"iss": ISSUER}, '"exp":1e400')),
    "exp not a number": signed(claims=text_of({"iss": ISSUER}, '"exp":NaN')),
    "exp infinite": signed(claims=text_of({"iss": ISSUER}, '"exp":Infinity')),
    "nbf to come": signed(claims={**CLAIMS, "nbf": NOW + 3600}),
    "nbf negative": signed(claims={**CLAIMS, "nbf": -1}),
    "nbf huge": signed(claims={**CLAIMS, "nbf": 2**64}),
    "iat negative": signed(claims={**CLAIMS, "iat": -1}),
}

# Two claims of one name: none of the two may be the one that somebody wanted to be overlooked.
TWICE = {
    "exp, the last one over": signed(claims=text_of(CLAIMS, '"exp":1')),
    "iss, the last one another": signed(claims=text_of(CLAIMS, '"iss":"other"')),
}


def codes(plane: Plane, tokens: list[str]) -> list[Any]:
    dials = [{"host": SERVER, "port": 8080, "headers": bearer(token)} for token in tokens]
    return [result.get("code", result["outcome"]) for result in plane.dial("naked", dials)]


@pytest.fixture(params=["optional", "demanded"])
def guarded(plane: Plane, request: pytest.FixtureRequest) -> Plane:
    plane.cluster.tokens("foo", Issuer().rule)
    if request.param == "demanded":
        plane.cluster.access("foo", "DENY", {"from": [{"source": {"notRequestPrincipals": ["*"]}}]})
    plane.settle()
    return plane


def test_none_is_accepted(guarded: Plane) -> None:
    assert codes(guarded, [GOOD]) == [200]
    table = FORGED | MALFORMED | TWICE
    seen = dict(zip(table, codes(guarded, list(table.values())), strict=True))
    assert {name: code for name, code in seen.items() if code != 401} == {}
    assert codes(guarded, [GOOD]) == [200]


def test_too_large_ones_are_refused_unread(guarded: Plane) -> None:
    large = signed(claims={**CLAIMS, "filling": "x" * 70_000})
    assert codes(guarded, [large]) == [431]
    by_path = {"host": SERVER, "port": 8080, "path": f"/?access_token={large}"}
    assert guarded.dial("naked", [by_path])[0]["outcome"] != "ok"
