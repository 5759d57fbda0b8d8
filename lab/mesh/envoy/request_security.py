"""The filters for authentication and authorization, for HTTP and for TCP."""

from __future__ import annotations

from lab.mesh.envoy import jwt, rbac, token_check
from lab.mesh.envoy.proto import Message
from lab.mesh.model.proxy_config import RequestSecurity
from lab.mesh.model.tokens import TokenCheck


def http_filters(security: RequestSecurity, tokens: TokenCheck | None = None) -> list[Message]:
    """First what one port demands of tokens. Then, in Istio's order: custom authorization, tokens, remarks,
    denials, permissions. The router comes next.

    Who should be asked about a custom authorization is not known to the mesh, so that it is a denial; only it
    comes before any token is looked at.
    """
    authorization = security.authorization
    return [
        *token_check.filters(tokens),
        *rbac.http(rbac.DENY, authorization.custom),
        *jwt.filters(security.jwt_rules),
        *rbac.http(rbac.LOG, authorization.audit),
        *rbac.http(rbac.DENY, authorization.deny),
        *rbac.http(rbac.ALLOW, authorization.allow),
    ]


def network_filters(security: RequestSecurity) -> list[Message]:
    """The same for TCP, as far as possible. The TCP proxy comes next."""
    authorization = security.authorization
    return [
        *rbac.network(rbac.DENY, authorization.custom),
        *rbac.network(rbac.LOG, authorization.audit),
        *rbac.network(rbac.DENY, authorization.deny),
        *rbac.network(rbac.ALLOW, authorization.allow),
    ]
