"""RequestAuthentication as users declare it: issuers, and where their keys come from."""

from __future__ import annotations

from dataclasses import dataclass

from lab.golang.durations import seconds
from lab.kube.client import GroupResource, Object
from lab.mesh.config.current.attachment import Attachment
from lab.mesh.config.current.attachment import parse as parse_attachment
from lab.mesh.config.key_source import DEFAULT_TIMEOUT_S, DeclaredRule, KeySource
from lab.mesh.model.tokens import ClaimHeader, JwtRule, TokenHeader

KEY = GroupResource("security.istio.io", "requestauthentications")


@dataclass(frozen=True)
class RequestAuthentication:
    """One policy."""

    namespace: str
    name: str
    created: str
    attachment: Attachment
    rules: tuple[DeclaredRule, ...] = ()

    @property
    def age(self) -> tuple[str, str, str]:
        return (self.created, self.name, self.namespace)


def parse(obj: Object) -> RequestAuthentication:
    """The policy that an (admitted) object declares."""
    metadata, spec = obj["metadata"], obj.get("spec") or {}
    return RequestAuthentication(
        namespace=metadata["namespace"],
        name=metadata["name"],
        created=metadata["creationTimestamp"],
        attachment=parse_attachment(spec),
        rules=tuple(map(_declared, spec.get("jwtRules") or ())),
    )


def _declared(rule: Object) -> DeclaredRule:
    declared = JwtRule(
        issuer=rule.get("issuer") or "",
        jwks=rule.get("jwks") or None,
        audiences=tuple(rule.get("audiences") or ()),
        from_headers=tuple(
            TokenHeader(header["name"], header.get("prefix") or "")
            for header in rule.get("fromHeaders") or ()
        ),
        from_params=tuple(rule.get("fromParams") or ()),
        from_cookies=tuple(rule.get("fromCookies") or ()),
        output_payload_to_header=rule.get("outputPayloadToHeader") or "",
        output_claim_to_headers=tuple(
            ClaimHeader(output["header"], output["claim"])
            for output in rule.get("outputClaimToHeaders") or ()
        ),
        forward_original_token=bool(rule.get("forwardOriginalToken")),
        space_delimited_claims=tuple(rule.get("spaceDelimitedClaims") or ()),
    )
    return DeclaredRule(declared, None if declared.jwks else _source(rule))


def _source(rule: Object) -> KeySource:
    uri = rule.get("jwksUri") or rule.get("jwks_uri") or ""
    timeout = seconds(rule.get("timeout") or "") or DEFAULT_TIMEOUT_S
    return KeySource(uri, "" if uri else rule.get("issuer") or "", timeout)
