"""Authentication and authorization: bearer tokens in, a `User` or a refusal out.

There is one right: whoever is known may do everything. Anonymous requests see health, version and the
token-verification keys, as Kubernetes opens them by default.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field

import yaml

from lab.kube.errors import ApiError, forbidden
from lab.kube.identity.pki import Credentials
from lab.kube.identity.requests import RequestInfo
from lab.kube.identity.tokens import Identity, InvalidToken, ServiceAccountTokens
from lab.kube.objects import Object
from lab.kube.store import Store

PUBLIC_PATHS = frozenset(
    {"/version", "/healthz", "/livez", "/readyz", "/openid/v1/jwks", "/.well-known/openid-configuration"}
)


@dataclass(frozen=True)
class User:
    """The user of a request, as `kubectl auth whoami` shows it."""

    name: str
    groups: tuple[str, ...]
    uid: str = ""
    extra: Mapping[str, list[str]] = field(default_factory=dict)

    @property
    def anonymous(self) -> bool:
        return self.name == "system:anonymous"

    def as_object(self) -> Object:
        user: Object = {"username": self.name, "groups": list(self.groups)}
        if self.uid:
            user["uid"] = self.uid
        if self.extra:
            user["extra"] = dict(self.extra)
        return user


ANONYMOUS = User("system:anonymous", ("system:unauthenticated",))
SYSTEM = User("system:apiserver", ("system:masters", "system:authenticated"))
"""The server itself, for writes without a request."""
ADMIN = User("kubernetes-admin", ("system:masters", "system:authenticated"))


def user_of(identity: Identity) -> User:
    """The user that a ServiceAccount token stands for."""
    extra = {"authentication.kubernetes.io/credential-id": [f"JTI={identity.token_id}"]}
    if identity.bound is not None:
        prefix = f"authentication.kubernetes.io/{identity.bound['kind'].lower()}"
        extra |= {f"{prefix}-{key}": [identity.bound[key]] for key in ("name", "uid")}
    groups = (
        "system:serviceaccounts",
        f"system:serviceaccounts:{identity.namespace}",
        "system:authenticated",
    )
    return User(identity.username, groups, identity.uid, extra)


class Authenticator:
    """Authenticates users by bearer token."""

    def __init__(self, credentials: Credentials, store: Store) -> None:
        self.tokens = ServiceAccountTokens(credentials.service_account_key, store)
        self._admin = credentials.admin_token.encode()

    def authenticate(self, authorization: str | None) -> User:
        """The user of an `Authorization` header; without one, the anonymous user. Raises ApiError 401."""
        if not authorization:
            return ANONYMOUS
        scheme, _, token = authorization.partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            return ANONYMOUS
        if hmac.compare_digest(token.encode("utf-8", "surrogateescape"), self._admin):
            return ADMIN
        try:
            return user_of(self.tokens.verify(token))
        except InvalidToken:
            raise ApiError(401, "Unauthorized", "Unauthorized") from None

    def authorize(self, user: User, method: str, path: str, query: Mapping[str, str]) -> None:
        """Raises ApiError 403 for an anonymous request to anything but the public paths."""
        if not user.anonymous or path in PUBLIC_PATHS:
            return
        info = RequestInfo.of(method, path, query)
        if info.resource is None:
            raise ApiError(
                403,
                "Forbidden",
                f'forbidden: User "{user.name}" cannot {info.verb} path "{path}"',
                details={},
            )
        where = f'in the namespace "{info.namespace}"' if info.namespace else "at the cluster scope"
        resource = "/".join(filter(None, (info.resource.plural, info.subresource)))
        raise forbidden(
            info.resource,
            info.name,
            f'User "{user.name}" cannot {info.verb} resource "{resource}" '
            f'in API group "{info.resource.group}" {where}',
        )


def kubeconfig(credentials: Credentials, server_url: str, name: str = "lab") -> str:
    """A kubeconfig with everything inline; `name` is its cluster, user and context."""
    authority = base64.b64encode(credentials.ca_certificate.encode()).decode()
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [
            {"name": name, "cluster": {"server": server_url, "certificate-authority-data": authority}}
        ],
        "users": [{"name": name, "user": {"token": credentials.admin_token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
    }
    return yaml.safe_dump(config, sort_keys=False)
