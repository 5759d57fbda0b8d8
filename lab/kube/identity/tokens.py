"""ServiceAccount tokens: signed JWTs as TokenRequest issues them, and the keys that verify them.

They carry the claims of a real API server (issuer and default audience are the in-cluster address of the
API), signed with ES256. A token dies with its ServiceAccount, and with the object it is bound to.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from lab.kube.group_resources import NODES, PODS, SECRETS, SERVICE_ACCOUNTS
from lab.kube.objects import Object
from lab.kube.store import Store

ISSUER = "https://kubernetes.default.svc"
ALGORITHM = "ES256"
#: What a token may be bound to, besides its ServiceAccount.
BINDABLE = {
    "Pod": PODS,
    "Secret": SECRETS,
    "Node": NODES,
}


SECRET_TYPE = "kubernetes.io/service-account-token"
#: The annotation of a Secret of that type that says whose token it is to hold.
SECRET_ACCOUNT = "kubernetes.io/service-account.name"


class InvalidToken(Exception):
    """An invalid bearer token: bad signature, expired, wrong audience, or its account is gone."""


@dataclass(frozen=True)
class Identity:
    """The ServiceAccount of a valid token."""

    namespace: str
    account: str
    uid: str
    token_id: str
    audiences: tuple[str, ...]
    bound: Object | None

    @property
    def username(self) -> str:
        return f"system:serviceaccount:{self.namespace}:{self.account}"


class ServiceAccountTokens:
    """Issues and verifies tokens with one key."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, store: Store) -> None:
        self._key = key
        self._public = key.public_key()
        self._store = store
        der = self._public.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self._key_id = _base64url(hashlib.sha256(der).digest())

    def issue(
        self,
        account: Object,
        *,
        audiences: Sequence[str] = (),
        lifetime: int = 3600,
        bound: Object | None = None,
    ) -> tuple[str, int]:
        """A token for a ServiceAccount and its expiry in seconds since the epoch. `lifetime` in seconds."""
        metadata = account["metadata"]
        now = int(time.time())
        claim: Object = {
            "namespace": metadata["namespace"],
            "serviceaccount": {"name": metadata["name"], "uid": metadata["uid"]},
        }
        if bound is not None:
            claim[bound["kind"].lower()] = {key: bound["metadata"][key] for key in ("name", "uid")}
        payload = {
            "aud": list(audiences) or [ISSUER],
            "exp": now + lifetime,
            "iat": now,
            "iss": ISSUER,
            "jti": secrets.token_hex(16),
            "kubernetes.io": claim,
            "nbf": now,
            "sub": f"system:serviceaccount:{metadata['namespace']}:{metadata['name']}",
        }
        token = jwt.encode(payload, self._key, algorithm=ALGORITHM, headers={"kid": self._key_id})
        return token, now + lifetime

    def verify(self, token: str, audiences: Sequence[str] = ()) -> Identity:
        """The ServiceAccount of the token. Raises InvalidToken unless `audiences` (default: this API) fit."""
        try:
            claims = jwt.decode(
                token,
                self._public,
                algorithms=[ALGORITHM],
                issuer=ISSUER,
                audience=list(audiences) or [ISSUER],
                options={"require": ["aud", "exp", "iss", "sub"]},
            )
            private = claims["kubernetes.io"]
            namespace, account = private["namespace"], private["serviceaccount"]
            live = self._store.get(SERVICE_ACCOUNTS, namespace, account["name"])
        except (jwt.PyJWTError, KeyError, TypeError, ValueError) as error:
            raise InvalidToken(str(error)) from None
        if live is None or live["metadata"]["uid"] != account["uid"]:
            raise InvalidToken("service account has been deleted")
        bound = self._bound(private)
        wanted = set(audiences or [ISSUER])
        return Identity(
            namespace=namespace,
            account=account["name"],
            uid=account["uid"],
            token_id=claims.get("jti", ""),
            audiences=tuple(audience for audience in claims["aud"] if audience in wanted),
            bound=bound,
        )

    def _bound(self, private: Object) -> Object | None:
        for kind, key in BINDABLE.items():
            reference = private.get(kind.lower())
            if reference is None:
                continue
            namespace = "" if kind == "Node" else private["namespace"]
            live = self._store.get(key, namespace, reference["name"])
            if live is None or live["metadata"]["uid"] != reference["uid"]:
                raise InvalidToken(f"{kind.lower()} {reference['name']} has been deleted")
            return {"kind": kind, **reference}
        return None

    def key_set(self) -> Object:
        """JSON Web Key Set (RFC 7517) that verifies these tokens."""
        numbers = self._public.public_numbers()
        key = {
            "use": "sig",
            "kty": "EC",
            "kid": self._key_id,
            "crv": "P-256",
            "alg": ALGORITHM,
            "x": _base64url(numbers.x.to_bytes(32, "big")),
            "y": _base64url(numbers.y.to_bytes(32, "big")),
        }
        return {"keys": [key]}

    @staticmethod
    def discovery() -> Object:
        """OpenID Connect discovery document."""
        return {
            "issuer": ISSUER,
            "jwks_uri": f"{ISSUER}/openid/v1/jwks",
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [ALGORITHM],
        }


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
