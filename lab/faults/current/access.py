"""Faults in AuthorizationPolicy: which requests are denied, and how."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from lab.faults.current.sections import PER_PATH, REQUIRED
from lab.faults.registry import fault
from lab.faults.trees import http_managers, messages
from lab.mesh.envoy.resources import Resources
from lab.mesh.model.authorization import Attribute, Authorization, AuthorizationRule, Conjunction
from lab.mesh.model.proxy_config import ProxyConfig


@fault(REQUIRED)
def deny_ignored(config: ProxyConfig) -> ProxyConfig:
    """An AuthorizationPolicy that denies has no effect."""
    return _with_authorization(config, lambda found: replace(found, deny=()))


@fault(REQUIRED)
def deny_before_tokens(resources: Resources) -> Resources:
    """Whether a token is valid is asked after it was decided who has one, so nobody has."""
    for manager in http_managers(resources.listeners):
        manager["http_filters"].sort(key=lambda each: "rbac" not in each["name"])
    return resources


@fault(REQUIRED)
def deny_in_other_words(resources: Resources) -> Resources:
    """A denial does not say that it is one of access control."""
    other = {"text_format_source": {"inline_string": "no"}}
    exactly = {"op": "EQ", "value": {"default_value": 403, "runtime_key": "fault.status_403"}}
    mapper = {"filter": {"status_code_filter": {"comparison": exactly}}, "body_format_override": other}
    for manager in http_managers(resources.listeners):
        manager["local_reply_config"] = {"mappers": [mapper]}
    return resources


@fault(PER_PATH)
def deny_on_all_paths(config: ProxyConfig) -> ProxyConfig:
    """A rule that denies some paths denies all of them."""
    return with_deny_rules(config, lambda rule: replace(rule, operations=()))


@fault(PER_PATH)
def deny_path_as_prefix(config: ProxyConfig) -> ProxyConfig:
    """A rule for a path is one for everything that begins with it."""
    return with_deny_rules(config, _with_prefixes)


@fault(PER_PATH)
def deny_path_not_decoded(resources: Resources) -> Resources:
    """A rule for a path is evaded by encoding a letter of it, which the application decodes."""
    for manager in http_managers(resources.listeners):
        manager["normalize_path"] = False
    return resources


@fault(PER_PATH)
def deny_missed_with_query(resources: Resources) -> Resources:
    """A rule for a path is evaded by putting a query behind it."""
    for message in messages(resources.listeners):
        if "url_path" in message:
            exact = message.pop("url_path")["path"]
            message["header"] = {"name": ":path", "string_match": exact}
    return resources


def _with_authorization(config: ProxyConfig, change: Callable[[Authorization], Authorization]) -> ProxyConfig:
    security = config.security
    return replace(config, security=replace(security, authorization=change(security.authorization)))


def with_deny_rules(
    config: ProxyConfig, change: Callable[[AuthorizationRule], AuthorizationRule]
) -> ProxyConfig:
    return _with_authorization(config, lambda found: replace(found, deny=tuple(map(change, found.deny))))


def _with_prefixes(rule: AuthorizationRule) -> AuthorizationRule:
    def widened(operation: Conjunction) -> Conjunction:
        return tuple(
            replace(each, values=tuple(f"{value}*" for value in each.values))
            if each.attribute is Attribute.PATH
            else each
            for each in operation
        )

    return replace(rule, operations=tuple(map(widened, rule.operations)))
