"""Which webhooks a request matches, and in which version of the object they are called."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lab.kube import errors
from lab.kube.group_resources import (
    MUTATING_WEBHOOK_CONFIGURATIONS,
    NAMESPACES,
    VALIDATING_WEBHOOK_CONFIGURATIONS,
)
from lab.kube.kinds.resources import Resource
from lab.kube.kinds.scheme import Scheme
from lab.kube.kinds.selectors import match_label_selector
from lab.kube.objects import GroupResource, Object
from lab.kube.store import Store
from lab.kube.webhooks.attributes import Attributes


@dataclass(frozen=True)
class Webhook:
    """One webhook of a configuration; `place` tells it from all others."""

    place: tuple[str, int]
    declared: Object

    @property
    def name(self) -> str:
        name: str = self.declared["name"]
        return name

    @property
    def reinvocable(self) -> bool:
        return bool(self.declared.get("reinvocationPolicy") == "IfNeeded")


def webhooks(store: Store, key: GroupResource) -> list[Webhook]:
    """Every webhook of a kind, in the order of their configurations' names."""
    return [
        Webhook((configuration["metadata"]["name"], index), declared)
        for configuration in store.list(key)
        if "deletionTimestamp" not in configuration["metadata"]
        for index, declared in enumerate(configuration.get("webhooks") or ())
    ]


def is_exempt(resource: Resource) -> bool:
    """Objects that configure admission are exempt from it; otherwise nobody could fix a broken webhook."""
    return resource.group == MUTATING_WEBHOOK_CONFIGURATIONS.group


def version_asked(webhook: Webhook, asked: Attributes, scheme: Scheme) -> Resource | None:
    """The resource, in the version that the webhook wants it in; None when no rule is about it."""
    rules = webhook.declared.get("rules") or ()
    if any(_concerns(rule, asked, asked.resource) for rule in rules):
        return asked.resource
    if webhook.declared.get("matchPolicy") == "Exact" or asked.kind is not None:
        return None
    for other in scheme.versions(asked.resource.key):
        if any(_concerns(rule, asked, other) for rule in rules):
            return other
    return None


def _concerns(rule: Object, asked: Attributes, resource: Resource) -> bool:
    cluster = resource.key == NAMESPACES or not asked.namespace
    return (
        _among(rule, "operations", asked.operation)
        and _among(rule, "apiGroups", resource.group)
        and _among(rule, "apiVersions", resource.version)
        and _is_named(rule.get("resources") or (), resource.plural, asked.subresource)
        and rule.get("scope", "*") in ("*", "Cluster" if cluster else "Namespaced")
    )


def _among(rule: Object, field: str, value: str) -> bool:
    wanted = rule.get(field) or ()
    return "*" in wanted or value in wanted


def _is_named(patterns: Iterable[str], plural: str, subresource: str) -> bool:
    """`pods` means no subresource, `pods/*` and `*/*` mean all of them and the pods themselves."""
    for pattern in patterns:
        wanted, _, below = pattern.partition("/")
        if wanted in ("*", plural) and below in ("*", subresource):
            return True
    return False


def is_selected(webhook: Webhook, asked: Attributes, store: Store) -> bool:
    """Whether the labels of the namespace and of the object are those the webhook selects. Raises a 404."""
    declared = webhook.declared
    selector = declared.get("objectSelector") or {}
    if selector and not any(match_label_selector(selector, labels) for labels in _labels(asked)):
        return False
    selector = declared.get("namespaceSelector") or {}
    if not selector:
        return True
    if asked.resource.key == NAMESPACES:
        return any(match_label_selector(selector, labels) for labels in list(_labels(asked))[:1])
    if not asked.namespace:
        return True
    namespace = store.get(NAMESPACES, "", asked.namespace)
    if namespace is None:
        raise errors.not_found(NAMESPACES, asked.namespace)
    return match_label_selector(selector, namespace["metadata"].get("labels") or {})


def _labels(asked: Attributes) -> Iterator[dict[str, str]]:
    """Those of the object as it will be, and as it was."""
    for obj in (asked.object, asked.old):
        if obj is not None and "metadata" in obj:
            yield obj["metadata"].get("labels") or {}


__all__ = [
    "MUTATING_WEBHOOK_CONFIGURATIONS",
    "VALIDATING_WEBHOOK_CONFIGURATIONS",
    "Webhook",
    "is_exempt",
    "is_selected",
    "version_asked",
    "webhooks",
]
