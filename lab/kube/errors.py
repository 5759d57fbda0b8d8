"""Errors of the API server: `Status` objects with the messages of a real API server."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from lab.golang import printing
from lab.kube.objects import Object


class Named(Protocol):
    """Anything that names a collection: a `GroupResource` or a `Resource`."""

    @property
    def group(self) -> str: ...
    @property
    def plural(self) -> str: ...


@dataclass(frozen=True)
class Cause:
    """One wrong field of an object. `field` is a path such as `spec.ports[0].port`."""

    reason: str
    field: str
    message: str

    def as_object(self) -> dict[str, str]:
        return {"reason": self.reason, "message": self.message, "field": self.field}


class ApiError(Exception):
    """A rejected request. `code` is the HTTP status, `reason` that of the Status."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        *,
        details: Object | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = None if details is None else dict(details)
        self.headers = dict(headers or {})

    def status(self) -> Object:
        """The `v1` Status object for the client."""
        status: Object = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            status["reason"] = self.reason
        # Empty details differ from none: kubectl tells a missing path from a missing object by them.
        if self.details is not None:
            status["details"] = self.details
        status["code"] = self.code
        return status


def qualified(what: Named) -> str:
    """`deployments.apps`, or `pods` in the core group."""
    return f"{what.plural}.{what.group}" if what.group else what.plural


def details_of(what: Named, name: str) -> Object:
    details = {"name": name, "kind": what.plural}
    if what.group:
        details["group"] = what.group
    return details


def not_found(what: Named, name: str) -> ApiError:
    return ApiError(404, "NotFound", f'{qualified(what)} "{name}" not found', details=details_of(what, name))


def no_such_path() -> ApiError:
    return ApiError(404, "NotFound", "the server could not find the requested resource", details={})


def bad_request(message: str) -> ApiError:
    return ApiError(400, "BadRequest", message)


def already_exists(what: Named, name: str) -> ApiError:
    return ApiError(
        409, "AlreadyExists", f'{qualified(what)} "{name}" already exists', details=details_of(what, name)
    )


def conflict(what: Named, name: str, why: str) -> ApiError:
    message = f'Operation cannot be fulfilled on {qualified(what)} "{name}": {why}'
    return ApiError(409, "Conflict", message, details=details_of(what, name))


STALE = "the object has been modified; please apply your changes to the latest version and try again"


def stale(what: Named, name: str) -> ApiError:
    """409: optimistic locking; the writer has not seen the newest revision."""
    return conflict(what, name, STALE)


def forbidden(what: Named, name: str, why: str, causes: Iterable[Cause] = ()) -> ApiError:
    details = details_of(what, name)
    if listed := [cause.as_object() for cause in causes]:
        details["causes"] = listed
    named = f'{qualified(what)} "{name}"' if name else qualified(what)
    return ApiError(403, "Forbidden", f"{named} is forbidden: {why}", details=details)


def namespace_terminating(what: Named, name: str, namespace: str) -> ApiError:
    return forbidden(
        what,
        name,
        f"unable to create new content in namespace {namespace} because it is being terminated",
        [Cause("NamespaceTerminating", "metadata.namespace", f"namespace {namespace} is being terminated")],
    )


def invalid(group: str, kind: str, name: str, causes: Iterable[Cause]) -> ApiError:
    """422: all invalid fields, as `kubectl` shows them."""
    listed = list(dict.fromkeys(causes))
    lines = [f"{cause.field}: {cause.message}" for cause in listed]
    text = lines[0] if len(lines) == 1 else f"[{', '.join(lines)}]"
    qualified_kind = f"{kind}.{group}" if group else kind
    details: Object = {"name": name, "group": group, "kind": kind}
    if not group:
        del details["group"]
    details["causes"] = [cause.as_object() for cause in listed]
    return ApiError(422, "Invalid", f'{qualified_kind} "{name}" is invalid: {text}', details=details)


def method_not_allowed() -> ApiError:
    return ApiError(
        405, "MethodNotAllowed", "the server does not allow this method on the requested resource", details={}
    )


def unsupported_media_type(accepted: Iterable[str]) -> ApiError:
    known = ", ".join(accepted)
    message = f"the body of the request was in an unknown format - accepted media types include: {known}"
    return ApiError(415, "UnsupportedMediaType", message)


def not_acceptable(accepted: Iterable[str]) -> ApiError:
    message = f"only the following media types are accepted: {', '.join(accepted)}"
    return ApiError(406, "NotAcceptable", message)


def expired(message: str) -> ApiError:
    """410: the requested revision is too old."""
    return ApiError(410, "Expired", message)


def internal() -> ApiError:
    """500 without details, which belong in the server's log."""
    return ApiError(500, "InternalError", "Internal error occurred")


# The wording of one wrong field, after the API server's field errors.


def required(field: str, detail: str = "") -> Cause:
    return Cause("FieldValueRequired", field, f"Required value: {detail}" if detail else "Required value")


def invalid_value(field: str, value: object, detail: str) -> Cause:
    return Cause("FieldValueInvalid", field, f"Invalid value: {quoted(value)}: {detail}")


def unsupported_value(field: str, value: object, supported: Iterable[object]) -> Cause:
    choices = ", ".join(quoted(choice) for choice in supported)
    return Cause(
        "FieldValueNotSupported", field, f"Unsupported value: {quoted(value)}: supported values: {choices}"
    )


def duplicate(field: str, value: object) -> Cause:
    return Cause("FieldValueDuplicate", field, f"Duplicate value: {quoted(value)}")


def too_long(field: str, limit: int) -> Cause:
    return Cause("FieldValueTooLong", field, f"Too long: may not be more than {limit} bytes")


def too_many(field: str, actual: int, limit: int) -> Cause:
    return Cause("FieldValueTooMany", field, f"Too many: {actual}: must have at most {limit} items")


def field_forbidden(field: str, detail: str) -> Cause:
    return Cause("FieldValueForbidden", field, f"Forbidden: {detail}")


def quoted(value: object) -> str:
    """A value as a field error prints it (Go's %q for strings, %#v for what is not scalar)."""
    if value is None:
        return '"null"'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, str):
        return printing.quoted(value)
    if isinstance(value, dict):
        if all(isinstance(item, str) for item in value.values()):
            return go_string_map(value)
        pairs = ", ".join(f"{printing.quoted(key)}:{quoted(value[key])}" for key in sorted(value))
        return f"map[string]interface {{}}{{{pairs}}}"
    if isinstance(value, list):
        return f"[]interface {{}}{{{', '.join(quoted(item) for item in value)}}}"
    return printing.quoted(str(value))


def go_string_map(value: Mapping[str, str] | None) -> str:
    """`map[string]string{"a":"b"}`, Go's %#v of labels."""
    if value is None:
        return "map[string]string(nil)"
    return (
        "map[string]string{"
        + ", ".join(f"{printing.quoted(key)}:{printing.quoted(value[key])}" for key in sorted(value))
        + "}"
    )
