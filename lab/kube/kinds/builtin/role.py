"""Roles, ClusterRoles and their bindings, which are stored, but have no effect."""

from __future__ import annotations

from lab.golang import printing
from lab.kube import errors
from lab.kube.errors import Cause
from lab.kube.kinds.printers import AGE, CREATED, NAME, Column
from lab.kube.kinds.resources import Resource, native
from lab.kube.kinds.strategies import Strategy
from lab.kube.objects import GroupResource, Object

_GROUP = "rbac.authorization.k8s.io"


def _defaults(binding: Object) -> None:
    if isinstance(reference := binding.get("roleRef"), dict) and not reference.get("apiGroup"):
        reference["apiGroup"] = _GROUP
    for subject in binding.get("subjects") or ():
        if subject.get("kind") in ("User", "Group") and not subject.get("apiGroup"):
            subject["apiGroup"] = _GROUP


def _validate(binding: Object, old: Object | None) -> list[Cause]:
    reference = binding["roleRef"]
    kinds: tuple[str, ...] = ("Role", "ClusterRole")
    if binding["kind"] == "ClusterRoleBinding":
        kinds = kinds[1:]
    causes = []
    if reference["kind"] not in kinds:
        causes.append(errors.unsupported_value("roleRef.kind", reference["kind"], kinds))
    if not reference["name"]:
        causes.append(errors.required("roleRef.name"))
    if old is not None and reference != old["roleRef"]:
        fields = {"APIGroup": "apiGroup", "Kind": "kind", "Name": "name"}
        shown = ", ".join(
            f"{name}:{printing.quoted(reference.get(field, ''))}" for name, field in fields.items()
        )
        message = f"Invalid value: rbac.RoleRef{{{shown}}}: cannot change roleRef"
        causes.append(Cause("FieldValueInvalid", "roleRef", message))
    return causes


def _subjects(kind: str, column: str) -> Column:
    def value(binding: Object) -> str:
        found = [subject for subject in binding.get("subjects") or () if subject["kind"] == kind]
        names = ((subject.get("namespace"), subject["name"]) for subject in found)
        return ", ".join("/".join(filter(None, name)) for name in names)

    return Column(column, value, priority=1)


_BINDING_COLUMNS = (
    NAME,
    Column("Role", lambda obj: f"{obj['roleRef']['kind']}/{obj['roleRef']['name']}"),
    AGE,
    _subjects("User", "Users"),
    _subjects("Group", "Groups"),
    _subjects("ServiceAccount", "ServiceAccounts"),
)


def _resource(kind: str, columns: tuple[Column, ...], strategy: Strategy) -> Resource:
    return native(
        f"io.k8s.api.rbac.v1.{kind}",
        GroupResource(_GROUP, f"{kind.lower()}s"),
        namespaced=not kind.startswith("Cluster"),
        name_rule="path",
        columns=columns,
        strategy=strategy,
    )


_ROLE, _BINDING = Strategy(), Strategy(defaults=_defaults, validate=_validate)


RESOURCES = (
    _resource("ClusterRole", CREATED, _ROLE),
    _resource("ClusterRoleBinding", _BINDING_COLUMNS, _BINDING),
    _resource("Role", CREATED, _ROLE),
    _resource("RoleBinding", _BINDING_COLUMNS, _BINDING),
)
