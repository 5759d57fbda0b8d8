"""Faults of end-user authentication: which tokens are believed."""

from __future__ import annotations

import json
from dataclasses import replace

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lab.faults.current.sections import END_USER
from lab.faults.registry import fault
from lab.faults.rules import with_jwt_rules
from lab.faults.token_scripts import HONEST_SKEW_S, accepting, refusing
from lab.faults.trees import http_managers, lua, messages
from lab.mesh.envoy import jwt
from lab.mesh.envoy.key_set import Jwk, encoded, number
from lab.mesh.envoy.proto import Message
from lab.mesh.envoy.resources import Resources
from lab.mesh.model.proxy_config import ProxyConfig

LEAST_SKEW_S = 1
"""Envoy takes 0 as a wish for its own 60."""

FOR_EVER_S = 2**31


@fault(END_USER)
def skew_zero(resources: Resources) -> Resources:
    """Tokens are refused as soon as they expire, without the minute of clock skew."""
    return _with_skew(resources, LEAST_SKEW_S)


@fault(END_USER)
def skew_30(resources: Resources) -> Resources:
    """The clock skew is half a minute instead of a whole one."""
    return _with_skew(resources, 30)


@fault(END_USER)
def skew_300(resources: Resources) -> Resources:
    """The clock skew is five minutes instead of one."""
    return _with_skew(resources, 300)


@fault(END_USER)
def expiry_unchecked(resources: Resources) -> Resources:
    """A token is valid for ever: nobody looks at its `exp`."""
    return _after_tokens(_with_skew(resources, FOR_EVER_S), refusing(f"nbf > now + {HONEST_SKEW_S}"))


@fault(END_USER)
def nbf_unchecked(resources: Resources) -> Resources:
    """A token is valid before its time: nobody looks at its `nbf`."""
    return _after_tokens(_with_skew(resources, FOR_EVER_S), refusing(f"exp < now - {HONEST_SKEW_S}"))


@fault(END_USER)
def missing_token_refused(resources: Resources) -> Resources:
    """A request without a token is refused, although nothing requires one."""
    for message in messages(resources.listeners):
        if "requires_any" in message:
            rest = [each for each in message["requires_any"]["requirements"] if each != jwt.MISSING]
            del message["requires_any"]
            # Envoy knows no choice between one.
            message |= {"requires_any": {"requirements": rest}} if len(rest) > 1 else rest[0]
    return resources


@fault(END_USER)
def bad_token_accepted(resources: Resources) -> Resources:
    """A token that cannot be verified counts as none: `deadbeef` gets in."""
    for message in messages(resources.listeners):
        if "allow_missing" in message:
            del message["allow_missing"]
            message["allow_missing_or_failed"] = {}
    return resources


@fault(END_USER)
def any_issuer_accepted(resources: Resources) -> Resources:
    """Whoever claims to have issued a token is believed, if the key is right."""
    for provider in _providers(resources):
        provider.pop("issuer", None)
    return resources


@fault(END_USER)
def any_audience_accepted(config: ProxyConfig) -> ProxyConfig:
    """It does not matter for whom a token is."""
    return with_jwt_rules(config, lambda rule: replace(rule, audiences=()))


@fault(END_USER)
def signature_unchecked(resources: Resources) -> Resources:
    """What a token says is believed, whoever has signed it."""
    return _before_tokens(resources, "RS256")


@fault(END_USER)
def algorithm_none_accepted(resources: Resources) -> Resources:
    """A token that says that it is not signed (algorithm `none`) is believed."""
    return _before_tokens(resources, "none")


@fault(END_USER)
def public_key_as_secret(config: ProxyConfig) -> ProxyConfig:
    """A token that is signed symmetrically, with the text of the public key as the secret, is believed."""
    return with_jwt_rules(config, lambda rule: replace(rule, jwks=_with_secrets(rule.jwks)))


@fault("Require a valid token")
def unauthenticated_swapped(resources: Resources) -> Resources:
    """401 and 403 are swapped: for a bad token, and for one that is required and missing."""
    for manager in http_managers(resources.listeners):
        manager["local_reply_config"] = {"mappers": [_replacing(401, 403), _replacing(403, 401)]}
    return resources


def _providers(resources: Resources) -> list[Message]:
    return [
        provider
        for message in messages(resources.listeners)
        for provider in message.get("providers", {}).values()
    ]


def _with_skew(resources: Resources, seconds: int) -> Resources:
    for provider in _providers(resources):
        provider["clock_skew_seconds"] = seconds
    return resources


def _place_of_tokens(filters: list[Message]) -> int | None:
    """Where in a chain of filters tokens are verified."""
    names = [each["name"] for each in filters]
    return names.index(jwt.NAME) if jwt.NAME in names else None


def _after_tokens(resources: Resources, script: str) -> Resources:
    for manager in http_managers(resources.listeners):
        filters = manager["http_filters"]
        if (place := _place_of_tokens(filters)) is not None:
            filters.insert(place + 1, lua("tokens", script))
    return resources


def _before_tokens(resources: Resources, algorithm: str) -> Resources:
    """Believes tokens of an algorithm without a look at the signature; all others are verified as ever."""
    for manager in http_managers(resources.listeners):
        filters = manager["http_filters"]
        if (place := _place_of_tokens(filters)) is not None:
            providers = filters[place]["typed_config"]["providers"].values()
            issuers = [provider.get("issuer", "") for provider in providers]
            filters.insert(place, lua("tokens", accepting(algorithm, issuers)))
    return resources


def _with_secrets(jwks: str | None) -> str | None:
    """The key set with, for each RSA key, a symmetric one that is its PEM text."""
    if jwks is None:
        return None
    keys: list[Jwk] = json.loads(jwks)["keys"]
    secrets = [
        {"kty": "oct", "alg": "HS256", "kid": key.get("kid", ""), "k": encoded(_pem(key))}
        for key in keys
        if key.get("kty") == "RSA"
    ]
    return json.dumps({"keys": [*keys, *secrets]})


def _pem(key: Jwk) -> bytes:
    public = RSAPublicNumbers(e=number(key["e"]), n=number(key["n"])).public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _replacing(status: int, other: int) -> Message:
    exactly = {"op": "EQ", "value": {"default_value": status, "runtime_key": f"fault.status_{status}"}}
    return {"filter": {"status_code_filter": {"comparison": exactly}}, "status_code": other}
