"""The resources that a CustomResourceDefinition declares."""

from __future__ import annotations

from collections.abc import Callable

from lab.kube.kinds import jsonpath
from lab.kube.kinds.printers import AGE, NAME, Column, since
from lab.kube.kinds.resources import Resource
from lab.kube.kinds.schema import custom
from lab.kube.objects import Json, Object


def resources_of(crd: Object) -> list[Resource]:
    """One resource a served version; the storage version comes first."""
    spec = crd["spec"]
    versions = sorted(spec["versions"], key=lambda version: not version.get("storage"))
    return [
        _resource(crd, version) for version in versions if version.get("served") or version.get("storage")
    ]


def _resource(crd: Object, version: Object) -> Resource:
    spec, names = crd["spec"], crd["spec"]["names"]
    subresources = tuple(name for name in ("scale", "status") if name in (version.get("subresources") or {}))
    return Resource(
        group=spec["group"],
        version=version["name"],
        plural=names["plural"],
        kind=names["kind"],
        schema=custom((version.get("schema") or {}).get("openAPIV3Schema")),
        namespaced=spec["scope"] == "Namespaced",
        singular=names.get("singular", names["kind"].lower()),
        list_kind=names.get("listKind", f"{names['kind']}List"),
        short_names=tuple(names.get("shortNames") or ()),
        categories=tuple(names.get("categories") or ()),
        # The scale of a custom resource is described by paths; nothing here needs it.
        subresources=tuple(name for name in subresources if name != "scale"),
        columns=_columns(version.get("additionalPrinterColumns") or []),
        crd=crd["metadata"]["name"],
        has_generation=True,
    )


def _columns(declared: list[Object]) -> tuple[Column, ...]:
    if not declared:
        return (NAME, AGE)
    return (NAME, *(_column(column) for column in declared))


def _column(declared: Object) -> Column:
    path, kind = declared["jsonPath"], declared["type"]
    return Column(
        name=declared["name"],
        value=_age_at(path) if kind == "date" else _value_at(path),
        type="string" if kind == "date" else kind,
        priority=declared.get("priority", 0),
        description=declared.get("description", ""),
    )


def _age_at(path: str) -> Callable[[Object], Json]:
    return lambda obj: since(next(iter(jsonpath.find(obj, path)), None))


def _value_at(path: str) -> Callable[[Object], Json]:
    def value(obj: Object) -> Json:
        found = jsonpath.find(obj, path)
        if not found:
            return None
        return found[0] if len(found) == 1 else " ".join(str(item) for item in found)

    return value
