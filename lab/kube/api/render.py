"""Responses: objects, lists and tables in the format that the client accepts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import orjson
from aiohttp import web

from lab.kube.api import tables
from lab.kube.api.negotiation import negotiate
from lab.kube.kinds.resources import Resource
from lab.kube.objects import Object
from lab.kube.writing.replacement import in_version

_NO_CACHE = {"Cache-Control": "no-cache, private"}
# Characters of all warnings, and of each where there are more: what the API server grants.
_MAX_WARNINGS, _MAX_WARNING = 4096, 256
OBJECT_SHAPES = ("Table", "PartialObjectMetadata")
LIST_SHAPES = ("Table", "PartialObjectMetadataList")


def json_answer(
    document: object,
    code: int = 200,
    *,
    content_type: str = "application/json",
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    body = document if isinstance(document, bytes) else orjson.dumps(document)
    return web.Response(
        body=body, status=code, headers={"Content-Type": content_type, **_NO_CACHE, **(headers or {})}
    )


def object_answer(
    request: web.BaseRequest, resource: Resource, obj: Object, code: int = 200, warnings: Sequence[str] = ()
) -> web.Response:
    """One object in the requested API version. Raises a 406."""
    accepted = negotiate(request.headers.get("Accept"), OBJECT_SHAPES)
    headers = warning_headers(warnings)
    obj = in_version(resource, obj)
    if accepted.media == "yaml":
        return _yaml_answer(obj, code, headers)
    if accepted.shape == "Table":
        metadata = {"resourceVersion": obj["metadata"].get("resourceVersion", "")}
        obj = tables.table(resource, [obj], metadata, request.query.get("includeObject", ""))
    elif accepted.shape:
        obj = tables.metadata_only(obj)
    return json_answer(obj, code, headers=headers)


def list_answer(
    request: web.BaseRequest, resource: Resource, objects: Sequence[Object], metadata: Object
) -> web.Response:
    """A list in the requested API version. Raises a 406."""
    accepted = negotiate(request.headers.get("Accept"), LIST_SHAPES)
    items = [in_version(resource, obj) for obj in objects]
    if accepted.shape == "Table":
        include = request.query.get("includeObject", "")
        return json_answer(tables.table(resource, items, metadata, include))
    if accepted.shape:
        return json_answer(tables.metadata_list(items, metadata))
    document = {
        "kind": resource.list_kind,
        "apiVersion": resource.api_version,
        "metadata": metadata,
        "items": items,
    }
    return _yaml_answer(document, 200, {}) if accepted.media == "yaml" else json_answer(document)


def _yaml_answer(document: Object, code: int, headers: Mapping[str, str]) -> web.Response:
    import yaml

    body = yaml.safe_dump(document, sort_keys=False).encode()
    return json_answer(body, code, content_type="application/yaml", headers=headers)


def warning_headers(warnings: Sequence[str]) -> dict[str, str]:
    """RFC 7234 warnings, which kubectl prints. They quote the client, so they are bounded and ASCII."""
    texts = list(dict.fromkeys(warnings))
    if sum(map(len, texts)) > _MAX_WARNINGS:
        texts = [text[:_MAX_WARNING] for text in texts[: _MAX_WARNINGS // _MAX_WARNING]]
    shown = ", ".join(f"299 - {json.dumps(text)}" for text in texts)
    return {"Warning": shown} if shown else {}
