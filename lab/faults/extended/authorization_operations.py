"""Faults in which requests the rules of an AuthorizationPolicy are for."""

from __future__ import annotations

from dataclasses import replace

from lab.faults.registry import EXTENDED, fault
from lab.faults.rules import with_rules, with_values, without, without_pattern
from lab.faults.trees import http_managers, with_runtime
from lab.mesh.envoy.resources import Resources
from lab.mesh.model.authorization import Attribute
from lab.mesh.model.proxy_config import ProxyConfig

FRAGMENTS = "envoy.reloadable_features.http_reject_path_with_fragment"

AREA = "Authorization operations"

TO_THE_SERVICE = {"8000": "8080", "8001": "8081"}
"""The playground's ports of services, and those of containers behind them."""
NO_PORT = "1"


@fault(AREA, EXTENDED)
def port_of_the_service(config: ProxyConfig) -> ProxyConfig:
    """A port of a rule is the service's."""
    return with_values(config, Attribute.PORT, lambda port: [TO_THE_SERVICE.get(port, NO_PORT)])


@fault(AREA, EXTENDED)
def head_is_get(config: ProxyConfig) -> ProxyConfig:
    """A rule for GET is for HEAD as well."""
    return with_values(
        config, Attribute.METHOD, lambda method: ["GET", "HEAD"] if method == "GET" else [method]
    )


@fault(AREA, EXTENDED)
def method_patterns_are_text(config: ProxyConfig) -> ProxyConfig:
    """A star at the beginning or the end of a method is nothing but a star."""
    return with_values(config, Attribute.METHOD, without_pattern)


@fault(AREA, EXTENDED)
def first_operation_of_a_rule_only(config: ProxyConfig) -> ProxyConfig:
    """Of several operations of a rule only the first counts."""
    return with_rules(config, lambda rule: [replace(rule, operations=rule.operations[:1])])


@fault(AREA, EXTENDED)
def sources_ignored_with_operations(config: ProxyConfig) -> ProxyConfig:
    """A rule with operations is for these from any source."""
    return with_rules(config, lambda rule: [replace(rule, sources=() if rule.operations else rule.sources)])


@fault(AREA, EXTENDED)
def conditions_ignored(config: ProxyConfig) -> ProxyConfig:
    """A rule is for its sources and operations, whatever its conditions say."""
    return with_rules(config, lambda rule: [replace(rule, conditions=())])


@fault(AREA, EXTENDED)
def hosts_ignored(config: ProxyConfig) -> ProxyConfig:
    """It does not matter for which hosts a rule is."""
    return without(config, Attribute.HOST)


@fault(AREA, EXTENDED)
def paths_as_they_stand(resources: Resources) -> Resources:
    """Paths are matched as clients write them."""
    for manager in http_managers(resources.listeners):
        manager["normalize_path"] = False
    return resources


@fault(AREA, EXTENDED)
def slashes_merged(resources: Resources) -> Resources:
    """Slashes that follow each other are one."""
    for manager in http_managers(resources.listeners):
        manager["merge_slashes"] = True
    return resources


@fault(AREA, EXTENDED)
def fragments_refused(resources: Resources) -> Resources:
    """A request whose path has a fragment is a bad one."""
    return with_runtime(resources, {FRAGMENTS: True})
