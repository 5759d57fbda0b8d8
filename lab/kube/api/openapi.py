"""OpenAPI v3 documents, for validation and `kubectl explain`: one for each group and version."""

from __future__ import annotations

import hashlib

import orjson

from lab.kube.errors import no_such_path
from lab.kube.kinds.resources import Resource
from lab.kube.kinds.schema import OBJECT_META, definition
from lab.kube.kinds.scheme import Scheme
from lab.kube.objects import Json, Object

_PREFIX = "#/components/schemas/"
_PARAMETERS = [
    {"name": name, "in": "query", "schema": {"type": "string"}}
    for name in ("dryRun", "fieldManager", "fieldValidation")
]
_ITEM_ACTIONS = {"get": "get", "put": "put", "patch": "patch", "delete": "delete"}
_COLLECTION_ACTIONS = {"get": "list", "post": "post", "delete": "deletecollection"}


class OpenApi:
    """Builds the documents on first use, and again when the kinds have changed."""

    def __init__(self, scheme: Scheme) -> None:
        self._scheme = scheme
        self._revision = -1
        self._documents: dict[str, bytes] = {}

    def index(self) -> Object:
        """Where the documents are. The hash is of the content: it is the key of the clients' caches."""
        return {
            "paths": {
                path: {"serverRelativeURL": f"/openapi/v3/{path}?hash={self.hash(path)}"}
                for path in self._all()
            }
        }

    def document(self, path: str) -> bytes:
        """The document of `api/v1` or `apis/GROUP/VERSION`. Raises a 404."""
        document = self._all().get(path)
        if document is None:
            raise no_such_path()
        return document

    def hash(self, path: str) -> str:
        return hashlib.sha256(self.document(path)).hexdigest().upper()

    def _all(self) -> dict[str, bytes]:
        if self._revision != self._scheme.revision:
            self._revision = self._scheme.revision
            self._documents = {
                resources[0].path: orjson.dumps(_document(resources))
                for versions in self._scheme.groups().values()
                for resources in versions.values()
            }
        return self._documents


def _document(resources: list[Resource]) -> Object:
    schemas: Object = {}
    paths: Object = {}
    for resource in resources:
        name = _add(resource, schemas)
        paths |= _paths(resource, name)
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "v1.32.4"},
        "paths": paths,
        "components": {"schemas": schemas},
    }


def _add(resource: Resource, schemas: Object) -> str:
    if not resource.crd:
        _include(resource.schema.name, schemas)
        return resource.schema.name
    name = ".".join([*reversed(resource.group.split(".")), resource.version, resource.kind])
    identity = {"group": resource.group, "version": resource.version, "kind": resource.kind}
    schemas[name] = {
        **_converted_object(resource.schema.raw, schemas),
        "x-kubernetes-group-version-kind": [identity],
    }
    _include(OBJECT_META, schemas)
    return name


def _include(name: str, schemas: Object) -> None:
    if name not in schemas:
        schemas[name] = {}
        schemas[name] = _converted(definition(name), schemas)


def _converted(schema: Json, schemas: Object) -> Json:
    """A schema with its references as OpenAPI writes them; what they name is included."""
    if isinstance(schema, list):
        return [_converted(item, schemas) for item in schema]
    return _converted_object(schema, schemas) if isinstance(schema, dict) else schema


def _converted_object(schema: Object, schemas: Object) -> Object:
    reference = schema.get("$ref")
    converted: Object = {
        word: _converted(value, schemas)
        for word, value in schema.items()
        if not (word == "$ref" and isinstance(value, str))
    }
    if isinstance(reference, str):
        _include(reference, schemas)
        # Siblings of a reference are ignored by readers, so it stands beside the description in an allOf.
        converted["allOf"] = [{"$ref": _PREFIX + reference}]
    return converted


def _paths(resource: Resource, schema: str) -> Object:
    base = f"/{resource.path}/" + ("namespaces/{namespace}/" if resource.namespaced else "") + resource.plural
    collection = {
        method: _operation(resource, action, schema) for method, action in _COLLECTION_ACTIONS.items()
    }
    if resource.verbs == ("create",):
        return {base: {"post": collection["post"]}}
    item = {method: _operation(resource, action, schema) for method, action in _ITEM_ACTIONS.items()}
    return {base: collection, f"{base}/{{name}}": item}


def _operation(resource: Resource, action: str, schema: str) -> Object:
    content = {"application/json": {"schema": {"$ref": _PREFIX + schema}}}
    return {
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": {
            "group": resource.group,
            "version": resource.version,
            "kind": resource.kind,
        },
        "parameters": _PARAMETERS,
        "responses": {"200": {"description": "OK", "content": content}},
    }
