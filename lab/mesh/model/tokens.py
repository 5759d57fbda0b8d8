"""Whose tokens a proxy accepts, and what a token must prove."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TokenHeader:
    """A header that may carry a token: what follows the prefix, or all of it if there is none."""

    name: str
    prefix: str = ""


@dataclass(frozen=True)
class ClaimHeader:
    """A header that tells the application one claim of the token; a dot goes into a nested claim."""

    header: str
    claim: str


@dataclass(frozen=True)
class JwtRule:
    """Whose tokens are accepted. Default locations: `Authorization: Bearer` and `?access_token=`."""

    issuer: str
    """Empty: whoever the token names."""
    jwks: str | None
    """The issuer's public keys, as the text of a JSON Web Key Set; None while they cannot be had."""
    audiences: tuple[str, ...] = ()
    """The token must be for one of them; none: for anybody."""
    from_headers: tuple[TokenHeader, ...] = ()
    from_params: tuple[str, ...] = ()
    from_cookies: tuple[str, ...] = ()
    output_payload_to_header: str = ""
    output_claim_to_headers: tuple[ClaimHeader, ...] = ()
    forward_original_token: bool = False
    space_delimited_claims: tuple[str, ...] = ()
    """Claims whose text is a list, besides those that always are (`scope`, `permission`)."""


@dataclass(frozen=True)
class TokenDemand:
    """The token must be of one of these issuers; otherwise the response is 401, with this body."""

    issuers: tuple[str, ...]
    """None: no token will do."""
    refusal: str


@dataclass(frozen=True)
class TokenCheck:
    """Demands that one token of a request, the first that is found, must satisfy.

    It is looked for in `Authorization` first, then in headers by name (what follows a first blank, if there
    is one), then in parameters by name; where a rule looks, only its own issuer's token counts. It must say
    until when it is valid, and is so during that second. Wherever it fails, the demands are not satisfied.
    """

    rules: tuple[JwtRule, ...]
    demands: tuple[TokenDemand, ...]
    algorithms: tuple[str, ...]
    """Those that a signature may have."""
    clock_skew_s: int = 0
