"""Validation of metadata (422): names, labels, annotations and finalizers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from lab.kube import errors
from lab.kube.errors import Cause
from lab.kube.objects import Object

NameRule = Literal["subdomain", "label", "service", "path"]

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_SERVICE = "[a-z]([-a-z0-9]*[a-z0-9])?"
_QUALIFIED = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_LABEL_VALUE = "(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?"
_ANNOTATIONS_LIMIT = 256 * 1024

_NAME_RULES: dict[NameRule, tuple[int, re.Pattern[str], str]] = {
    "subdomain": (
        253,
        re.compile(_SUBDOMAIN),
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and"
        " must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is"
        f" '{_SUBDOMAIN}')",
    ),
    "label": (
        63,
        re.compile(_LABEL),
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start"
        " and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is"
        f" '{_LABEL}')",
    ),
    "service": (
        63,
        re.compile(_SERVICE),
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic"
        " character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for"
        f" validation is '{_SERVICE}')",
    ),
    # Of roles, which are called `system:node` and `admin/team:a`... as long as a path can hold it.
    "path": (253, re.compile(r"(?!\.{1,2}$)[^/%]+"), "may not be '.' or '..', nor contain '/' or '%'"),
}
_QUALIFIED_PATTERN = re.compile(_QUALIFIED)
_LABEL_VALUE_PATTERN = re.compile(_LABEL_VALUE)
_NAME_PART = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an"
    " alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is"
    f" '{_QUALIFIED}')"
)
_LABEL_VALUE_TEXT = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must"
    " start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used"
    f" for validation is '{_LABEL_VALUE}')"
)
_STANDARD_FINALIZERS = ("foregroundDeletion", "kubernetes", "orphan")


def check_name(name: str, rule: NameRule, field: str = "metadata.name") -> list[Cause]:
    limit, pattern, text = _NAME_RULES[rule]
    causes = []
    if len(name) > limit:
        causes.append(errors.invalid_value(field, name, f"must be no more than {limit} characters"))
    if not pattern.fullmatch(name):
        causes.append(errors.invalid_value(field, name, text))
    return causes


def check_metadata(obj: Object) -> list[Cause]:
    """Labels, annotations, finalizers, owners. The name is checked apart, and only once."""
    metadata = obj["metadata"]
    causes = check_labels(metadata.get("labels") or {}, "metadata.labels")
    annotations = metadata.get("annotations") or {}
    for key in annotations:
        causes += check_qualified_name(key.lower(), "metadata.annotations")
    if sum(len(key) + len(value) for key, value in annotations.items()) > _ANNOTATIONS_LIMIT:
        causes.append(errors.too_long("metadata.annotations", _ANNOTATIONS_LIMIT))
    for finalizer in metadata.get("finalizers") or []:
        causes += check_qualified_name(finalizer, "metadata.finalizers")
        if not set("/.") & set(finalizer) and finalizer not in _STANDARD_FINALIZERS:
            detail = "name is neither a standard finalizer name nor is it fully qualified"
            causes.append(errors.invalid_value("metadata.finalizers", finalizer, detail))
    for index, owner in enumerate(metadata.get("ownerReferences") or []):
        causes += [
            errors.invalid_value(f"metadata.ownerReferences[{index}].{field}", "", "must not be empty")
            for field in ("apiVersion", "kind", "name", "uid")
            if not owner.get(field)
        ]
    return causes


def check_labels(labels: Mapping[str, str], field: str) -> list[Cause]:
    causes = []
    for key, value in labels.items():
        causes += check_qualified_name(key, field)
        if len(value) > 63:
            causes.append(errors.invalid_value(field, value, "must be no more than 63 characters"))
        if not _LABEL_VALUE_PATTERN.fullmatch(value):
            causes.append(errors.invalid_value(field, value, _LABEL_VALUE_TEXT))
    return causes


def check_qualified_name(key: str, field: str) -> list[Cause]:
    """`prefix/name`, where the prefix is optional."""
    prefix, slash, name = key.rpartition("/")
    causes = []
    if slash and not prefix:
        causes.append(errors.invalid_value(field, key, "prefix part must be non-empty"))
    elif slash and not _NAME_RULES["subdomain"][1].fullmatch(prefix):
        causes.append(errors.invalid_value(field, key, f"prefix part {_NAME_RULES['subdomain'][2]}"))
    if not name:
        causes.append(errors.invalid_value(field, key, "name part must be non-empty"))
    elif len(name) > 63:
        causes.append(errors.invalid_value(field, key, "name part must be no more than 63 characters"))
    if not _QUALIFIED_PATTERN.fullmatch(name):
        causes.append(errors.invalid_value(field, key, _NAME_PART))
    return causes
