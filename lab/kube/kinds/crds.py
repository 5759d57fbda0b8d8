"""CustomResourceDefinitions: from the object to the resources that it declares."""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Any

from lab.golang import printing
from lab.kube import errors
from lab.kube.errors import Cause
from lab.kube.kinds import jsonpath
from lab.kube.kinds.columns import AGE, NAME
from lab.kube.kinds.printers import since
from lab.kube.kinds.resources import Column, Resource
from lab.kube.kinds.schema import custom
from lab.kube.kinds.validation_rules import check_rules, unknown_rules
from lab.kube.objects import GroupResource, Object
from lab.kube.timestamps import now

CRDS = GroupResource("apiextensions.k8s.io", "customresourcedefinitions")


def apply_crd_defaults(crd: Object) -> None:
    spec = crd.get("spec") or {}
    names = spec.get("names") or {}
    if kind := names.get("kind"):
        names.setdefault("singular", kind.lower())
        names.setdefault("listKind", f"{kind}List")
    spec.setdefault("conversion", {"strategy": "None"})


def check_crd(crd: Object, old: Object | None, known_rules: Container[str]) -> list[Cause]:
    """What is wrong with a definition."""
    spec = crd["spec"]
    causes = _check_unchanged(spec, old["spec"]) if old is not None else []
    name, wanted = crd["metadata"]["name"], f"{spec['names']['plural']}.{spec['group']}"
    if name != wanted:
        causes.append(errors.invalid_value("metadata.name", name, 'must be spec.names.plural+"."+spec.group'))
    if spec["scope"] not in ("Cluster", "Namespaced"):
        causes.append(errors.unsupported_value("spec.scope", spec["scope"], ("Cluster", "Namespaced")))
    versions = spec["versions"]
    if sum(bool(version.get("storage")) for version in versions) != 1:
        detail = "must have exactly one version marked as storage version"
        causes.append(Cause("FieldValueInvalid", "spec.versions", f"Invalid value: {detail}"))
    if (spec.get("conversion") or {}).get("strategy") not in (None, "None"):
        causes.append(errors.unsupported_value("spec.conversion.strategy", "Webhook", ("None",)))
    for index, version in enumerate(versions):
        causes += _check_version(version, f"spec.versions[{index}]", known_rules)
    return causes


def warnings(crd: Object, known_rules: Container[str]) -> list[str]:
    """What whoever brings a definition must know: a CEL rule that nobody can evaluate holds nothing back."""
    found: dict[str, str] = {}
    for version in crd["spec"]["versions"]:
        found |= unknown_rules((version.get("schema") or {}).get("openAPIV3Schema"), known_rules)
    return [
        f"this server cannot evaluate the rule {printing.quoted(rule)} ({why}): what breaks it is stored all"
        " the same"
        for rule, why in found.items()
    ]


def _check_unchanged(spec: Object, before: Object) -> list[Cause]:
    """What the objects that exist already are stored by."""
    fixed = {
        "spec.group": (spec["group"], before["group"]),
        "spec.names.plural": (spec["names"]["plural"], before["names"]["plural"]),
        "spec.scope": (spec["scope"], before["scope"]),
    }
    return [
        errors.invalid_value(field, value, "field is immutable")
        for field, (value, earlier) in fixed.items()
        if value != earlier
    ]


def _check_version(version: Object, path: str, known_rules: Container[str]) -> list[Cause]:
    causes = []
    schema = (version.get("schema") or {}).get("openAPIV3Schema")
    at = f"{path}.schema.openAPIV3Schema"
    if schema is None:
        causes.append(errors.required(at, "schemas are required"))
    elif schema.get("type") != "object":
        causes.append(errors.required(f"{at}.type", "must not be empty at the root"))
    causes += check_rules(schema, at, known_rules)
    for number, column in enumerate(version.get("additionalPrinterColumns") or []):
        try:
            jsonpath.compile_path(column["jsonPath"])
        except ValueError:
            field = f"{path}.additionalPrinterColumns[{number}].jsonPath"
            causes.append(errors.invalid_value(field, column["jsonPath"], "must be a valid JSON path"))
    return causes


def established_status(crd: Object) -> Object:
    """The status of a definition whose resources are being served."""
    accepted = [
        ("NamesAccepted", "NoConflicts", "no conflicts found"),
        ("Established", "InitialNamesAccepted", "the initial names have been accepted"),
    ]
    previous = {
        condition["type"]: condition for condition in (crd.get("status") or {}).get("conditions") or []
    }
    conditions = [
        previous.get(kind)
        or {"type": kind, "status": "True", "reason": reason, "message": text, "lastTransitionTime": now()}
        for kind, reason, text in accepted
    ]
    stored = [version["name"] for version in crd["spec"]["versions"] if version.get("storage")]
    return {"conditions": conditions, "acceptedNames": crd["spec"]["names"], "storedVersions": stored}


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


def _columns(declared: list[dict[str, Any]]) -> tuple[Column, ...]:
    if not declared:
        return (NAME, AGE)
    return (NAME, *(_column(column) for column in declared))


def _column(declared: dict[str, Any]) -> Column:
    path, kind = declared["jsonPath"], declared["type"]
    return Column(
        name=declared["name"],
        value=_age_at(path) if kind == "date" else _value_at(path),
        type="string" if kind == "date" else kind,
        priority=declared.get("priority", 0),
        description=declared.get("description", ""),
    )


def _age_at(path: str) -> Callable[[Object], Any]:
    return lambda obj: since(next(iter(jsonpath.find(obj, path)), None))


def _value_at(path: str) -> Callable[[Object], Any]:
    def value(obj: Object) -> Any:
        found = jsonpath.find(obj, path)
        if not found:
            return None
        return found[0] if len(found) == 1 else " ".join(str(item) for item in found)

    return value
