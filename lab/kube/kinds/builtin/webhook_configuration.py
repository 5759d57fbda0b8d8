"""Mutating- and ValidatingWebhookConfigurations: defaults, and validation as in a real API server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from urllib.parse import urlsplit

from lab.kube import errors
from lab.kube.errors import Cause
from lab.kube.group_resources import MUTATING_WEBHOOK_CONFIGURATIONS, VALIDATING_WEBHOOK_CONFIGURATIONS
from lab.kube.kinds import cel
from lab.kube.kinds.metadata import check_name, check_qualified_name
from lab.kube.kinds.printers import AGE, NAME, Column
from lab.kube.kinds.resources import Resource, native
from lab.kube.kinds.strategies import Strategy
from lab.kube.objects import GroupResource, Object, clone

CONDITION_VARIABLES = ("object", "oldObject", "request")
"""The variables of match conditions."""


_DEFAULTS: Object = {
    "failurePolicy": "Fail",
    "matchPolicy": "Equivalent",
    "namespaceSelector": {},
    "objectSelector": {},
    "timeoutSeconds": 10,
}
_CHOICES = {
    "failurePolicy": ("Fail", "Ignore"),
    "matchPolicy": ("Equivalent", "Exact"),
    "sideEffects": ("None", "NoneOnDryRun"),
    "reinvocationPolicy": ("IfNeeded", "Never"),
}
_OPERATIONS = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
_SCOPES = ("*", "Cluster", "Namespaced")
_REVIEW_VERSIONS = ("v1", "v1beta1")


def _defaults(configuration: Object, *, mutating: bool) -> None:
    for webhook in configuration.get("webhooks") or ():
        for field, value in _DEFAULTS.items():
            webhook.setdefault(field, clone(value))
        if mutating:
            webhook.setdefault("reinvocationPolicy", "Never")
        if service := (webhook.get("clientConfig") or {}).get("service"):
            service.setdefault("port", 443)
        for rule in webhook.get("rules") or ():
            rule.setdefault("scope", "*")


def _validate(configuration: Object, _old: Object | None) -> list[Cause]:
    """What is wrong with the webhooks, beyond what the schema requires."""
    causes: list[Cause] = []
    seen: set[str] = set()
    for index, webhook in enumerate(configuration.get("webhooks") or ()):
        at = f"webhooks[{index}]"
        if webhook["name"] in seen:
            causes.append(errors.duplicate(f"{at}.name", webhook["name"]))
        seen.add(webhook["name"])
        causes += _check_webhook(webhook, at)
    return causes


def _check_webhook(webhook: Object, at: str) -> Iterator[Cause]:
    name = webhook["name"]
    yield from check_name(name, "subdomain", f"{at}.name")
    if name.count(".") < 2:
        detail = "should be a domain with at least three segments separated by dots"
        yield errors.invalid_value(f"{at}.name", name, detail)
    versions = webhook["admissionReviewVersions"]
    if not versions:
        detail = f"must specify one of {', '.join(_REVIEW_VERSIONS)}"
        yield errors.required(f"{at}.admissionReviewVersions", detail)
    elif not set(versions) & set(_REVIEW_VERSIONS):
        detail = f"must include at least one of {', '.join(_REVIEW_VERSIONS)}"
        field = f"{at}.admissionReviewVersions"
        yield Cause("FieldValueInvalid", field, f"Invalid value: {errors.quoted(versions)}: {detail}")
    for field, choices in _CHOICES.items():
        if field in webhook and webhook[field] not in choices:
            yield errors.unsupported_value(f"{at}.{field}", webhook[field], choices)
    if not 1 <= webhook["timeoutSeconds"] <= 30:
        detail = "the timeout value must be between 1 and 30 seconds"
        yield errors.invalid_value(f"{at}.timeoutSeconds", webhook["timeoutSeconds"], detail)
    yield from _check_conditions(webhook.get("matchConditions") or (), f"{at}.matchConditions")
    yield from _check_client(webhook["clientConfig"], f"{at}.clientConfig")
    for number, rule in enumerate(webhook.get("rules") or ()):
        yield from _check_rule(rule, f"{at}.rules[{number}]")


def _check_conditions(conditions: Sequence[Object], at: str) -> Iterator[Cause]:
    names: set[str] = set()
    for index, condition in enumerate(conditions):
        place = f"{at}[{index}]"
        if condition["name"] in names:
            yield errors.duplicate(f"{place}.name", condition["name"])
        names.add(condition["name"])
        yield from check_qualified_name(condition["name"], f"{place}.name")
        try:
            cel.compiled(condition["expression"], *CONDITION_VARIABLES)
        except cel.Uncompilable as error:
            detail = f"compilation failed: {error}"
            yield errors.invalid_value(f"{place}.expression", condition["expression"], detail)


def _check_client(client: Object, at: str) -> Iterator[Cause]:
    url, service = client.get("url"), client.get("service")
    if (url is None) == (service is None):
        yield errors.required(at, "exactly one of url or service is required")
    elif url is not None:
        yield from _check_url(url, f"{at}.url")
    elif service is not None:
        for field in ("name", "namespace"):
            if not service.get(field):
                yield errors.required(f"{at}.service.{field}", f"service {field} is required")
        if not 1 <= service["port"] <= 65535:
            detail = "port is not valid: must be between 1 and 65535, inclusive"
            yield errors.invalid_value(f"{at}.service.port", service["port"], detail)
        if (path := service.get("path")) and not path.startswith("/"):
            yield errors.invalid_value(f"{at}.service.path", path, "must start with a '/'")


def _check_url(url: str, at: str) -> Iterator[Cause]:
    form = "desired format: https://host[/path]"
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises what is wrong with it
    except ValueError as error:
        yield errors.invalid_value(at, url, f"url must be a valid URL: {error}; {form}")
        return
    if parts.scheme != "https":
        yield errors.invalid_value(at, parts.scheme, f"'https' is the only allowed URL scheme; {form}")
    if not parts.hostname:
        yield errors.invalid_value(at, parts.netloc, f"host must be specified; {form}")
    if parts.username is not None:
        yield errors.invalid_value(
            at, parts.username, f"user information is not permitted in the URL; {form}"
        )
    if parts.fragment:
        yield errors.invalid_value(at, parts.fragment, f"fragments are not permitted in the URL; {form}")
    if parts.query:
        detail = f"query parameters are not permitted in the URL; {form}"
        yield errors.invalid_value(at, parts.query, detail)


def _check_rule(rule: Object, at: str) -> Iterator[Cause]:
    for field in ("operations", "apiGroups", "apiVersions", "resources"):
        values = rule.get(field) or []
        if not values:
            yield errors.required(f"{at}.{field}")
        yield from _check_wildcard(values, f"{at}.{field}")
    for operation in rule.get("operations") or ():
        if operation not in _OPERATIONS:
            yield errors.unsupported_value(f"{at}.operations", operation, _OPERATIONS)
    if rule["scope"] not in _SCOPES:
        yield errors.unsupported_value(f"{at}.scope", rule["scope"], _SCOPES)


def _check_wildcard(values: list[str], at: str) -> Iterable[Cause]:
    if "*" in values and len(values) > 1 and not at.endswith(".resources"):
        detail = "if '*' is present, must not specify other values"
        yield Cause("FieldValueInvalid", at, f"Invalid value: {errors.quoted(values)}: {detail}")


_COLUMNS = (NAME, Column("Webhooks", lambda obj: len(obj.get("webhooks") or ()), "integer"), AGE)


def _resource(kind: str, key: GroupResource, *, mutating: bool) -> Resource:
    return native(
        f"io.k8s.api.admissionregistration.v1.{kind}",
        key,
        namespaced=False,
        categories=("api-extensions",),
        has_generation=True,
        columns=_COLUMNS,
        strategy=Strategy(defaults=partial(_defaults, mutating=mutating), validate=_validate),
    )


RESOURCES = (
    _resource("MutatingWebhookConfiguration", MUTATING_WEBHOOK_CONFIGURATIONS, mutating=True),
    _resource("ValidatingWebhookConfiguration", VALIDATING_WEBHOOK_CONFIGURATIONS, mutating=False),
)
