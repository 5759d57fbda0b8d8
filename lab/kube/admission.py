"""The types of admission hooks, and how they reject an object."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lab.kube.objects import Json, Object


class Denied(Exception):
    """An admission hook rejects the object, as a validating webhook does. `code` is the HTTP status."""

    def __init__(self, message: str, webhook: str = "validation.istio.io", code: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.webhook = webhook
        self.code = code


class Invalid(Exception):
    """An admission hook rejects a field, as a CEL rule of a schema does: status 422."""

    def __init__(self, field: str, detail: str, value: Json = "object") -> None:
        super().__init__(f"{field}: {detail}")
        self.field = field
        self.detail = detail
        self.value = value


Admission = Callable[[Object, Object | None], Object]
"""(new, old or None) -> the object to store, itself or a changed copy. May raise `Denied` or `Invalid`."""

Review = Callable[[Object], Sequence[str]]
"""(valid object) -> warnings for the writer. May raise `Denied`."""
