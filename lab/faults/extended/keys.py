"""Faults of tokens at workloads: by whose keys they are checked, and which policies are for them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

from lab.faults.registry import EXTENDED, fault
from lab.faults.rules import with_jwt_rules
from lab.mesh.config.current.policies import Policies
from lab.mesh.config.current.request_authentication import RequestAuthentication
from lab.mesh.model.proxy_config import ProxyConfig
from lab.mesh.model.tokens import JwtRule

AREA = "Tokens"


@fault(AREA, EXTENDED)
def only_rsa_keys(config: ProxyConfig) -> ProxyConfig:
    """Keys of an issuer that are no RSA keys are ignored."""
    return _with_keys(config, lambda keys: [key for key in keys if key["kty"] == "RSA"])


@fault(AREA, EXTENDED)
def keys_of_all_issuers(config: ProxyConfig) -> ProxyConfig:
    """A token is checked with the keys of all issuers."""
    found = [key for rule in config.security.jwt_rules for key in _keys(rule)]
    return _with_keys(config, lambda _keys: found)


@fault(AREA, EXTENDED)
def first_keys_kept() -> Callable[[ProxyConfig], ProxyConfig]:
    """An issuer's tokens are checked for ever with the keys that were known of it first."""
    known: dict[str, str] = {}

    def change(config: ProxyConfig) -> ProxyConfig:
        return with_jwt_rules(
            config,
            lambda rule: replace(rule, jwks=known.setdefault(rule.issuer, rule.jwks)) if rule.jwks else rule,
        )

    return change


@fault(AREA, EXTENDED)
def root_token_policies_ignored(policies: Policies) -> Policies:
    """A policy of the root namespace without a selector is for no workloads of other namespaces."""
    return _without(policies, lambda policy: not policy.attachment.selector)


@fault(AREA, EXTENDED)
def root_token_selector_stays_home(policies: Policies) -> Policies:
    """A policy of the root namespace with a selector is for workloads of that namespace alone."""
    root = policies.registry.root_namespace
    own = [each.labels for each in policies.registry.workloads if each.namespace == root]
    return _without(
        policies,
        lambda policy: (
            bool(policy.attachment.selector)
            and not any(policy.attachment.selector.items() <= labels.items() for labels in own)
        ),
    )


def _without(policies: Policies, gone: Callable[[RequestAuthentication], bool]) -> Policies:
    """Without some of the root namespace's."""
    root = policies.registry.root_namespace
    kept = (each for each in policies.request_authentications if each.namespace != root or not gone(each))
    return replace(policies, request_authentications=tuple(kept))


def _keys(rule: JwtRule) -> list[dict[str, str]]:
    keys: list[dict[str, str]] = json.loads(rule.jwks)["keys"] if rule.jwks else []
    return keys


def _with_keys(
    config: ProxyConfig, change: Callable[[list[dict[str, str]]], list[dict[str, str]]]
) -> ProxyConfig:
    return with_jwt_rules(
        config,
        lambda rule: replace(rule, jwks=json.dumps({"keys": change(_keys(rule))})) if rule.jwks else rule,
    )
