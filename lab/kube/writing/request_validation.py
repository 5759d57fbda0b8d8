"""Checks that a body is an object of its kind (400), fills in its defaults, and validates it (422)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from lab.golang import printing
from lab.kube import errors
from lab.kube.errors import Cause, bad_request
from lab.kube.identity.auth import SYSTEM, User
from lab.kube.kinds.decoding import cannot_handle, decode
from lab.kube.kinds.metadata import check_metadata
from lab.kube.kinds.resources import Resource
from lab.kube.kinds.schema import OBJECT_META, Schema, apply_defaults, builtin, prune
from lab.kube.kinds.strategies import Server
from lab.kube.kinds.validation import validate
from lab.kube.kinds.validation_rules import ABSENT, broken
from lab.kube.objects import Object

_METADATA_ONLY = Schema({"type": "object", "properties": {"metadata": {"$ref": OBJECT_META}}})

Strictness = Literal["Strict", "Warn", "Ignore"]


@dataclass(frozen=True)
class WriteOptions:
    """Who writes, and how. `warnings` collects warnings for the client."""

    manager: str
    dry_run: bool = False
    strictness: Strictness = "Ignore"
    warnings: list[str] = field(default_factory=list)
    user: User = SYSTEM


def check_shape(resource: Resource, obj: object, options: WriteOptions) -> Object:
    """Makes JSON into an object of this kind, in place: types checked, nulls and unknown fields dropped."""
    if not isinstance(obj, dict):
        raise bad_request(
            f"couldn't get version/kind; json parse error: not an object but {type(obj).__name__}"
        )
    expected = {"apiVersion": resource.api_version, "kind": resource.kind}
    for name, value in expected.items():
        if not obj.get(name):
            obj[name] = value
        if not isinstance(obj[name], str):
            raise bad_request(f"couldn't get version/kind; json parse error: {name} must be a string")
    if obj["kind"] != resource.kind or obj["apiVersion"] != resource.api_version:
        found, wanted = (f"{each['apiVersion']}, Kind={each['kind']}" for each in (obj, expected))
        raise bad_request(
            f"the API version in the data ({obj['apiVersion']}) does not match the expected API version"
            f" ({resource.api_version})"
            if obj["kind"] == resource.kind
            else f"{resource.kind} in version {resource.version!r} cannot be handled as a {resource.kind}:"
            f" converting ({found}) to ({wanted}): unknown conversion"
        )
    if obj.get("metadata") is None:
        obj["metadata"] = {}
    if resource.crd:
        # The rest of a custom resource is validated by its own schema, nulls included.
        decode(resource.kind, resource.version, {"metadata": obj["metadata"]}, _METADATA_ONLY)
    else:
        decode(resource.kind, resource.version, obj, resource.schema)
    unknown = [f'unknown field "{path}"' for path in prune(obj, resource.schema)]
    if unknown and options.strictness == "Strict":
        why = f"strict decoding error: {', '.join(unknown)}"
        raise cannot_handle(resource.kind, resource.version, why)
    if options.strictness == "Warn":
        options.warnings.extend(unknown)
    return obj


def fill_defaults(resource: Resource, obj: Object) -> None:
    """Defaults of the schema and of the kind, in place."""
    apply_defaults(obj, resource.schema)
    resource.strategy.defaults(obj)


def check_valid(resource: Resource, obj: Object, old: Object | None, server: Server) -> None:
    """Raises one 422 with all errors."""
    causes = check_metadata(obj)
    strategy = resource.strategy
    if resource.crd:
        causes += validate(obj, resource.schema)
        if not causes:
            before = ABSENT if old is None else old
            causes += broken(obj, resource.schema, server.kinds.cel_rules, before)
    else:
        if not strategy.complete:
            causes += _missing(obj, resource.schema, "")
        # What lacks a field cannot be looked at any closer.
        causes = causes or strategy.validate(obj, old) or strategy.validate_on(obj, old, server)
    if old is not None:
        causes += _new_finalizers(obj, old)
    if causes:
        raise errors.invalid(resource.group, resource.kind, obj["metadata"]["name"], causes)


def _missing(value: object, schema: Schema | None, path: str) -> Iterable[Cause]:
    """Required fields of built-in kinds that have no rules of their own. Nobody asks this of a status."""
    if schema is None or schema is builtin(OBJECT_META):
        return
    if isinstance(value, dict):
        for name in schema.raw.get("required", ()):
            if name not in value and name != "metadata":
                yield errors.required(f"{path}.{name}" if path else name)
        for name, item in value.items():
            if path or name != "status":
                yield from _missing(item, schema.child(name), f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _missing(item, schema.items, f"{path}[{index}]")


def _new_finalizers(obj: Object, old: Object) -> Iterable[Cause]:
    if not old["metadata"].get("deletionTimestamp"):
        return
    before = old["metadata"].get("finalizers") or []
    added = [name for name in obj["metadata"].get("finalizers") or [] if name not in before]
    if added:
        listed = ", ".join(printing.quoted(name) for name in added)
        detail = "no new finalizers can be added if the object is being deleted, found new finalizers"
        yield errors.field_forbidden("metadata.finalizers", f"{detail} []string{{{listed}}}")
