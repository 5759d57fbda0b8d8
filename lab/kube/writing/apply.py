"""Server-side apply: merging a configuration into an object, with conflicts between its owners."""

from __future__ import annotations

import orjson

from lab.kube.errors import ApiError, Cause
from lab.kube.kinds.resources import Resource
from lab.kube.kinds.schema import Schema
from lab.kube.objects import Json, Object, clone
from lab.kube.timestamps import now
from lab.kube.writing.managed_fields import FieldSet, Managed, Manager, Owned, Path, field_set, load, save


def apply(
    resource: Resource,
    live: Object | None,
    config: Object,
    manager: str,
    *,
    force: bool = False,
    subresource: str = "",
) -> Object:
    """The object that results from applying `config`. Raises a 409 that names every conflicting field."""
    me = Manager(manager, "Apply", resource.api_version, subresource)
    schema = resource.schema
    wanted = field_set(config, schema)
    if live is None:
        created = clone(config)
        save(created, {me: Owned(frozenset(wanted), now())})
        return created
    managed = load(live)
    _take_over(managed, me, wanted, field_set(live, schema), force=force)
    mine = managed.get(me)
    merged = clone(_merge_object(live, config, schema))
    if mine is not None:
        _drop_abandoned(merged, schema, mine.paths, frozenset(wanted), _owned_by_others(managed, me))
    unchanged = mine is not None and mine.paths == wanted.keys() and merged == live
    managed[me] = Owned(frozenset(wanted), mine.time if mine is not None and unchanged else now())
    save(merged, managed)
    return merged


def _owned_by_others(managed: Managed, me: Manager) -> set[Path]:
    return {path for manager, owned in managed.items() if manager != me for path in owned.paths}


def _take_over(managed: Managed, me: Manager, wanted: FieldSet, live: FieldSet, *, force: bool) -> None:
    """Fields that others own with another value: a conflict, or with force no longer theirs."""
    conflicts: list[tuple[Manager, Path]] = []
    for manager, owned in managed.items():
        if manager == me:
            continue
        contested = {
            path for path in owned.paths if path in wanted and path in live and live[path] != wanted[path]
        }
        conflicts += [(manager, path) for path in sorted(contested)]
        managed[manager] = Owned(owned.paths - contested, owned.time)
    if conflicts and not force:
        raise _conflict(conflicts)


def _conflict(conflicts: list[tuple[Manager, Path]]) -> ApiError:
    fields: dict[str, list[str]] = {}
    causes = []
    for manager, path in conflicts:
        shown, field = _shown(manager), field_path(path)
        fields.setdefault(shown, []).append(field)
        causes.append(Cause("FieldManagerConflict", field, f"conflict with {shown}").as_object())
    if len(conflicts) == 1:
        ((shown, (field,)),) = fields.items()
        text = f"1 conflict: conflict with {shown}: {field}"
    else:
        lists = (
            f"conflicts with {shown}:\n" + "\n".join(f"- {field}" for field in fields[shown])
            for shown in sorted(fields)
        )
        text = f"{len(conflicts)} conflicts: " + "\n".join(lists)
    return ApiError(409, "Conflict", f"Apply failed with {text}", details={"causes": causes})


def _shown(manager: Manager) -> str:
    if manager.operation != "Update":
        return f'"{manager.name}"'
    through = f' with subresource "{manager.subresource}"' if manager.subresource else ""
    return f'"{manager.name}"{through} using {manager.api_version}'


def field_path(path: Path) -> str:
    """`.spec.containers[name="web"].image`"""
    return "".join(map(_element, path))


def _element(element: str) -> str:
    kind, content = element[0], element[2:]
    if kind == "f":
        return f".{content}"
    if kind == "v":
        return f"[={content}]"
    keys = orjson.loads(content)
    return "[" + ",".join(f"{key}={orjson.dumps(value).decode()}" for key, value in keys.items()) + "]"


def _merge_object(live: Object, config: Object, schema: Schema | None) -> Object:
    merged = dict(live)
    for name, value in config.items():
        merged[name] = _merge(live.get(name), value, schema.child(name) if schema else None)
    return merged


def _merge(live: Json, config: Json, schema: Schema | None) -> Json:
    if isinstance(config, dict) and isinstance(live, dict) and not (schema and schema.atomic_map):
        return _merge_object(live, config, schema)
    if isinstance(config, list) and isinstance(live, list) and schema:
        if schema.list_type == "set":
            return live + [item for item in config if item not in live]
        if schema.list_type == "map":
            return _merge_items(live, config, schema)
    return config


def _merge_items(live: list[Json], config: list[Json], schema: Schema) -> list[Json]:
    merged = list(live)
    for item in config:
        key = schema.item_key(item)
        place = next((i for i, other in enumerate(merged) if schema.item_key(other) == key), None)
        if place is None:
            merged.append(item)
        else:
            merged[place] = _merge(merged[place], item, schema.items)
    return merged


def _with_parents(paths: frozenset[Path]) -> set[Path]:
    """Who owns a field also holds the named fields above it, so that an emptied struct goes as well."""
    found = set(paths)
    for path in paths:
        for length in range(len(path) - 1, 0, -1):
            parent = path[:length]
            if parent in found:
                break
            if parent[-1].startswith("f:"):
                found.add(parent)
    return found


def _drop_abandoned(
    obj: Object, schema: Schema, before: frozenset[Path], wanted: frozenset[Path], others: set[Path]
) -> None:
    """Removes what this manager owned before, no longer wants, and nobody else owns."""
    kept = _with_parents(wanted) | others | {("f:metadata",)}
    for path in others:
        kept.update(path[:length] for length in range(1, len(path)))
    # The short paths first: an item of a list cannot be found any more once its key is gone.
    for path in sorted(_with_parents(before) - kept, key=len):
        _remove(obj, schema, path)


def _remove(obj: Json, schema: Schema | None, path: Path) -> None:
    for depth, element in enumerate(path):
        last = depth == len(path) - 1
        if element.startswith("f:"):
            name = element[2:]
            if not isinstance(obj, dict) or name not in obj:
                return
            if last:
                del obj[name]
                return
            obj, schema = obj[name], schema.child(name) if schema else None
            continue
        if not isinstance(obj, list) or schema is None:
            return
        wanted, by_key = orjson.loads(element[2:]), element.startswith("k:")
        place = next(
            (i for i, item in enumerate(obj) if (schema.item_key(item) if by_key else item) == wanted), None
        )
        if place is None:
            return
        if last:
            del obj[place]
            return
        obj, schema = obj[place], schema.items
