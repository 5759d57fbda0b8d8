"""The query parameters of requests, parsed and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from aiohttp import web

from lab.kube import errors
from lab.kube.errors import bad_request
from lab.kube.identity.auth import User
from lab.kube.kinds.resources import Resource
from lab.kube.kinds.selectors import field_predicate, label_predicate
from lab.kube.objects import Object
from lab.kube.writing.request_validation import Strictness, WriteOptions

_TRUE = ("1", "true", "True", "TRUE", "t", "T")
_FALSE = ("", "0", "false", "False", "FALSE", "f", "F")
_MANAGER_LIMIT = 128
_MAX_NUMBER = 2**63


def flag(query: Mapping[str, str], name: str) -> bool:
    """Raises a 400."""
    text = query.get(name, "")
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise bad_request(f'strconv.ParseBool: parsing "{text}": invalid syntax ({name})')


def number(query: Mapping[str, str], name: str) -> int:
    """A count or seconds; 0 when it is not given. Raises a 400."""
    text = query.get(name, "")
    if not text:
        return 0
    if not (text.isascii() and text.isdecimal()) or int(text) >= _MAX_NUMBER:
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax ({name})')
    return int(text)


def write_options(request: web.BaseRequest, verb: str, user: User) -> WriteOptions:
    """The user, the field manager, dryRun and fieldValidation of a write. Raises a 422."""
    query = request.query
    causes = []
    dry_run = query.getall("dryRun", [])
    if dry_run not in ([], ["All"]):
        causes.append(errors.unsupported_value("dryRun", dry_run[0], ("All",)))
    strictness = query.get("fieldValidation") or "Warn"
    if strictness not in ("Ignore", "Strict", "Warn"):
        choices = ("", "Ignore", "Strict", "Warn")
        causes.append(errors.unsupported_value("fieldValidation", strictness, choices))
    manager = query.get("fieldManager", "")
    if len(manager) > _MANAGER_LIMIT:
        causes.append(errors.too_long("fieldManager", _MANAGER_LIMIT))
    elif not manager.isprintable():
        causes.append(
            errors.invalid_value("fieldManager", manager, "should only contain printable characters")
        )
    if causes:
        raise errors.invalid("meta.k8s.io", f"{verb}Options", "", causes)
    if not manager:
        agent = request.headers.get("User-Agent", "").split("/")[0][:_MANAGER_LIMIT]
        manager = agent if agent and agent.isprintable() else "unknown"
    return WriteOptions(manager, bool(dry_run), cast("Strictness", strictness), user=user)


@dataclass(frozen=True)
class Selection:
    """The label and field selectors of a request."""

    resource: Resource
    namespace: str
    labels: str
    fields: str

    @classmethod
    def of(cls, resource: Resource, namespace: str, query: Mapping[str, str]) -> Selection:
        return cls(resource, namespace, query.get("labelSelector", ""), query.get("fieldSelector", ""))

    def __post_init__(self) -> None:
        object.__setattr__(self, "_labels", label_predicate(self.labels) if self.labels else None)
        object.__setattr__(
            self, "_fields", field_predicate(self.fields, self.resource) if self.fields else None
        )

    @property
    def is_narrow(self) -> bool:
        return bool(self.labels or self.fields)

    def takes(self, obj: Object) -> bool:
        metadata = obj["metadata"]
        if self.namespace and metadata.get("namespace") != self.namespace:
            return False
        labels, fields = self.__dict__["_labels"], self.__dict__["_fields"]
        if labels is not None and not labels(metadata.get("labels") or {}):
            return False
        return fields is None or bool(fields(obj))
