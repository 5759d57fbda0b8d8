"""Faults that show when an issuer's keys cannot be fetched."""

from __future__ import annotations

from dataclasses import replace

from lab.faults.registry import fault
from lab.mesh.model.authorization import AuthorizationRule
from lab.mesh.model.proxy_config import ProxyConfig


@fault("End-user authentication")
def key_set_failure_opens(config: ProxyConfig) -> ProxyConfig:
    """While a key set cannot be fetched, tokens are not looked at: any of them gets in."""
    security = config.security
    known = tuple(rule for rule in security.jwt_rules if rule.jwks is not None)
    return replace(config, security=replace(security, jwt_rules=known))


@fault("End-user authentication")
def key_set_failure_shuts(config: ProxyConfig) -> ProxyConfig:
    """While a key set cannot be fetched, every request is refused, also one without a token."""
    security = config.security
    if all(rule.jwks is not None for rule in security.jwt_rules):
        return config
    shut = replace(security.authorization, custom=(AuthorizationRule("fault"),))
    return replace(config, security=replace(security, authorization=shut))
