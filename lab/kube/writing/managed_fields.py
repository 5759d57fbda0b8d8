"""Field ownership: field sets, and `metadata.managedFields` as their serialized form.

A field set maps paths to values. A path is a tuple of `f:name` (a field), `k:{...}` (an item of a list map,
by its keys) and `v:...` (an item of a set), as `fieldsV1` writes them.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

import orjson

from lab.kube.kinds.schema import Schema
from lab.kube.objects import Json, Object
from lab.kube.timestamps import now

Path = tuple[str, ...]
FieldSet = dict[Path, Json]

# Nobody owns what identifies the object or what only the server sets.
_IDENTITY = frozenset({"apiVersion", "kind"})
_SYSTEM_METADATA = frozenset(
    {
        "creationTimestamp",
        "deletionGracePeriodSeconds",
        "deletionTimestamp",
        "generateName",
        "generation",
        "managedFields",
        "name",
        "namespace",
        "resourceVersion",
        "selfLink",
        "uid",
    }
)


class Manager(NamedTuple):
    """One entry of managedFields. `operation` is Apply or Update."""

    name: str
    operation: str
    api_version: str
    subresource: str = ""


class Owned(NamedTuple):
    paths: frozenset[Path]
    time: str


Managed = dict[Manager, Owned]


def dumps(value: Json) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def field_set(obj: Object, schema: Schema, skip: frozenset[str] = frozenset()) -> FieldSet:
    """All owned-able fields of an object, except below the top-level fields to skip."""
    found: FieldSet = {}
    for name, value in obj.items():
        if name in _IDENTITY or name in skip:
            continue
        if name == "metadata":
            value = {key: item for key, item in value.items() if key not in _SYSTEM_METADATA}
            if not value:
                continue
        _collect(value, schema.child(name), (f"f:{name}",), found)
    return found


def _collect(value: Json, schema: Schema | None, path: Path, found: FieldSet) -> None:
    if isinstance(value, dict) and value and not (schema and schema.atomic_map):
        for name, item in value.items():
            _collect(item, schema.child(name) if schema else None, (*path, f"f:{name}"), found)
    elif isinstance(value, list) and schema and schema.list_type == "map":
        for item in value:
            place = (*path, f"k:{dumps(schema.item_key(item))}")
            found[place] = None
            _collect(item, schema.items, place, found)
    elif isinstance(value, list) and schema and schema.list_type == "set":
        for item in value:
            found[(*path, f"v:{dumps(item)}")] = item
    else:
        found[path] = value


def load(obj: Object) -> Managed:
    """The managers of an object. What is no well-formed entry owns nothing."""
    managed: Managed = {}
    for entry in obj["metadata"].get("managedFields") or ():
        manager = Manager(
            entry.get("manager", ""),
            entry.get("operation", "Update"),
            entry.get("apiVersion", ""),
            entry.get("subresource", ""),
        )
        paths: set[Path] = set()
        _read(entry.get("fieldsV1") or {}, (), paths)
        managed[manager] = Owned(frozenset(paths), entry.get("time", ""))
    return managed


def _read(fields: object, path: Path, paths: set[Path]) -> None:
    if path and (not fields or (isinstance(fields, dict) and "." in fields)):
        paths.add(path)
    if isinstance(fields, dict):
        for name, below in fields.items():
            if name != "." and _is_element(name):
                _read(below, (*path, name), paths)


@lru_cache(maxsize=4096)
def _is_element(text: str) -> bool:
    """Clients may write managedFields, so not everything there is a path."""
    kind, content = text[:2], text[2:]
    if kind == "f:":
        return True
    if kind not in ("k:", "v:"):
        return False
    try:
        value = orjson.loads(content)
    except orjson.JSONDecodeError:
        return False
    return kind == "v:" or isinstance(value, dict)


def save(obj: Object, managed: Managed) -> None:
    """Writes managers with anything left to own into the object's metadata, in place."""
    entries = [
        {
            "manager": manager.name,
            "operation": manager.operation,
            "apiVersion": manager.api_version,
            "time": owned.time,
            "fieldsType": "FieldsV1",
            "fieldsV1": _write(owned.paths),
        }
        | ({"subresource": manager.subresource} if manager.subresource else {})
        for manager, owned in managed.items()
        if owned.paths
    ]
    if entries:
        obj["metadata"]["managedFields"] = entries
    else:
        obj["metadata"].pop("managedFields", None)


def _write(paths: Iterable[Path]) -> Object:
    root: Object = {}
    for path in sorted(paths):
        fields = root
        for element in path:
            fields = fields.setdefault(element, {})
        if path[-1].startswith("k:"):
            fields["."] = {}
    return root


def signature(obj: Object) -> list[Json]:
    """Everything in managedFields but the times: what tells whether a write changed ownership."""
    return [
        {key: value for key, value in entry.items() if key != "time"}
        for entry in obj["metadata"].get("managedFields") or ()
    ]


def track_update(
    schema: Schema,
    api_version: str,
    old: Object | None,
    new: Object,
    manager: str,
    *,
    subresource: str = "",
    has_status: bool = False,
) -> None:
    """Records, in the new object, that `manager` set what differs between old and new."""
    if subresource == "status":
        skip = frozenset(new.keys() | (old or {}).keys()) - {"status"}
    else:
        skip = frozenset({"status"}) if has_status else frozenset()
    before = field_set(old, schema, skip) if old else {}
    after = field_set(new, schema, skip)
    changed = {path for path, value in after.items() if path not in before or before[path] != value}
    gone = before.keys() - after.keys()
    if not changed and not gone:
        return
    me = Manager(manager, "Update", api_version, subresource)
    managed = {
        owner: Owned(owned.paths - gone - (changed if owner != me else set()), owned.time)
        for owner, owned in load(new).items()
    }
    if changed:
        mine = managed.get(me)
        managed[me] = Owned((mine.paths if mine else frozenset()) | changed, now())
    save(new, managed)
