"""CustomResourceDefinitions: defaults, validation and status. Their resources are served at once."""

from __future__ import annotations

from collections.abc import Container

from lab.golang import printing
from lab.kube import errors
from lab.kube.errors import Cause
from lab.kube.group_resources import CUSTOM_RESOURCE_DEFINITIONS
from lab.kube.kinds import jsonpath
from lab.kube.kinds.printers import CREATED
from lab.kube.kinds.resources import native
from lab.kube.kinds.strategies import ServedKinds, Server, Strategy
from lab.kube.kinds.validation_rules import check_rules, unknown_rules
from lab.kube.objects import GroupResource, Object, place_of
from lab.kube.timestamps import now


def _defaults(crd: Object) -> None:
    spec = crd.get("spec") or {}
    names = spec.get("names") or {}
    if kind := names.get("kind"):
        names.setdefault("singular", kind.lower())
        names.setdefault("listKind", f"{kind}List")
    spec.setdefault("conversion", {"strategy": "None"})


def _validate(crd: Object, old: Object | None, server: Server) -> list[Cause]:
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
        causes += _check_version(version, f"spec.versions[{index}]", server.kinds.cel_rules)
    return causes


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


def _allocate(crd: Object, _old: Object | None, server: Server) -> list[str]:
    _check_free(crd, server.kinds)
    crd["status"] = _established(crd)
    return _warnings(crd, server.kinds.cel_rules)


def _check_free(crd: Object, kinds: ServedKinds) -> None:
    """Raises a 422 for a definition of a kind that already exists."""
    name, key = crd["metadata"]["name"], _declared(crd)
    if kinds.definition_of(key) not in (None, name):
        cause = errors.invalid_value("spec.group", key.group, "this kind is built in")
        raise errors.invalid("apiextensions.k8s.io", "CustomResourceDefinition", name, [cause])


def _declared(crd: Object) -> GroupResource:
    return GroupResource(crd["spec"]["group"], crd["spec"]["names"]["plural"])


def _warnings(crd: Object, known_rules: Container[str]) -> list[str]:
    """Warnings about CEL rules that this server cannot evaluate, and so does not enforce."""
    found: dict[str, str] = {}
    for version in crd["spec"]["versions"]:
        found |= unknown_rules((version.get("schema") or {}).get("openAPIV3Schema"), known_rules)
    return [
        f"this server cannot evaluate the rule {printing.quoted(rule)} ({why}): what breaks it is stored all"
        " the same"
        for rule, why in found.items()
    ]


def _established(crd: Object) -> Object:
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


def _install(crd: Object, server: Server) -> None:
    server.kinds.install(crd)


def _uninstall(crd: Object, server: Server) -> None:
    """Deletes the objects with their definition, regardless of finalizers."""
    key = _declared(crd)
    for obj in server.store.list(key):
        server.store.remove(key, *place_of(obj))
    server.kinds.uninstall(crd)


RESOURCES = (
    native(
        "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition",
        CUSTOM_RESOURCE_DEFINITIONS,
        namespaced=False,
        short_names=("crd", "crds"),
        categories=("api-extensions",),
        subresources=("status",),
        has_generation=True,
        columns=CREATED,
        strategy=Strategy(
            defaults=_defaults,
            validate_on=_validate,
            allocate=_allocate,
            after_write=_install,
            before_removal=_uninstall,
        ),
    ),
)
