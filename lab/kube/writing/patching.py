"""JSON patch, merge patch and strategic merge patch."""

from __future__ import annotations

import orjson

from lab.kube.errors import ApiError, bad_request
from lab.kube.kinds.schema import Schema
from lab.kube.objects import Json, Object, clone

# A patch applies its operations to a whole object one after the other; the API server allows as many.
MAX_OPERATIONS = 10_000
MAX_COPIED = 3 * 1024 * 1024
_SET_ORDER = "$setElementOrder/"
_DELETE_PRIMITIVES = "$deleteFromPrimitiveList/"
_NO_JSON_PATCH = "json: cannot unmarshal object into Go value of type jsonpatch.Patch"


def json_patch(target: Object, operations: Json) -> Json:
    """RFC 6902. Raises a 422 for an operation that fails, a 400 for what is no patch."""
    # Only this kind of patch needs the library, and it is slow to import.
    import jsonpatch

    if not isinstance(operations, list):
        raise bad_request(_NO_JSON_PATCH)
    listed = [one for one in operations if isinstance(one, dict)]
    if len(listed) < len(operations):
        raise bad_request(_NO_JSON_PATCH)
    if len(operations) > MAX_OPERATIONS:
        limit = f"The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {len(operations)}"
        raise ApiError(413, "RequestEntityTooLarge", limit)
    try:
        patched: Json = clone(target)
        for operation in listed:
            patched = jsonpatch.apply_patch(patched, [operation], in_place=True)
            # Copies of copies grow exponentially.
            if operation.get("op") == "copy" and len(orjson.dumps(patched)) > MAX_COPIED:
                limit = "unable to apply patch: copied values exceed the allowed size"
                raise ApiError(413, "RequestEntityTooLarge", limit)
        return patched
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException, TypeError, KeyError):
        message = "the server rejected our request due to an error in our request"
        raise ApiError(422, "Invalid", message, details={}) from None


def merge_patch(target: Json, patch: Json) -> Json:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged


def strategic_merge_patch(target: Json, patch: Json, schema: Schema | None) -> Json:
    """Kubernetes' own patch for built-in kinds: lists merge by the key that their schema names."""
    if isinstance(patch, dict):
        return _merge_object(target, patch, schema)
    if isinstance(patch, list):
        return _merge_list(target, patch, schema)
    return patch


def _merge_object(target: Json, patch: Object, schema: Schema | None) -> Object:
    directive = patch.get("$patch")
    if directive == "replace":
        return {name: value for name, value in patch.items() if name != "$patch"}
    if directive == "delete":
        return {}
    if directive not in (None, "merge"):
        raise bad_request(f"Unknown patch type found: {directive}")
    merged = dict(target) if isinstance(target, dict) else {}
    if "$retainKeys" in patch:
        merged = {name: value for name, value in merged.items() if name in _strings(patch, "$retainKeys")}
    for name, value in patch.items():
        if name in ("$patch", "$retainKeys") or name.startswith(_SET_ORDER):
            continue
        if name.startswith(_DELETE_PRIMITIVES):
            field, doomed = name.removeprefix(_DELETE_PRIMITIVES), _strings(patch, name)
            kept = merged.get(field) or []
            if not isinstance(kept, list):
                raise bad_request(f"invalid patch: {field} is no list")
            merged[field] = [item for item in kept if item not in doomed]
        elif value is None or (isinstance(value, dict) and value.get("$patch") == "delete"):
            merged.pop(name, None)
        else:
            merged[name] = strategic_merge_patch(
                merged.get(name), value, schema.child(name) if schema else None
            )
    for name in patch:
        if name.startswith(_SET_ORDER):
            field = name.removeprefix(_SET_ORDER)
            if isinstance(items := merged.get(field), list):
                child = schema.child(field) if schema else None
                merged[field] = _ordered(items, _strings(patch, name), child)
    return merged


def _strings(patch: Object, name: str) -> list[Json]:
    value = patch[name]
    if not isinstance(value, list):
        raise bad_request(f"invalid patch: {name} must be a list")
    return value


def _ordered(items: list[Json], order: list[Json], schema: Schema | None) -> list[Json]:
    """Items in the order that the patch names; what it does not name stays behind its predecessor's place."""
    key = schema.merge_key if schema else None

    def identity(item: Json) -> Json:
        return item.get(key) if key and isinstance(item, dict) else item

    wanted = [identity(item) for item in order]
    named = [item for item in items if identity(item) in wanted]
    named.sort(key=lambda item: wanted.index(identity(item)))
    return named + [item for item in items if identity(item) not in wanted]


def _merge_list(target: Json, patch: list[Json], schema: Schema | None) -> list[Json]:
    if any(isinstance(item, dict) and item.get("$patch") == "replace" for item in patch):
        return [item for item in patch if not (isinstance(item, dict) and item.get("$patch") == "replace")]
    if schema is None or not schema.merges:
        return patch
    merged = list(target) if isinstance(target, list) else []
    key = schema.merge_key
    if key is None:
        return merged + [item for item in patch if item not in merged]
    for item in patch:
        if not isinstance(item, dict) or key not in item:
            shown = orjson.dumps(item).decode()
            raise bad_request(f"map: {shown} does not contain declared merge key: {key}")
        place = next((i for i, other in enumerate(merged) if _same(other, item, key)), None)
        if item.get("$patch") == "delete":
            if place is not None:
                del merged[place]
        elif place is None:
            merged.append(strategic_merge_patch({}, item, schema.items))
        else:
            merged[place] = strategic_merge_patch(merged[place], item, schema.items)
    return merged


def _same(one: Json, other: Object, key: str) -> bool:
    return isinstance(one, dict) and one.get(key) == other[key]
