"""ValidatingAdmissionPolicies and their bindings: defaults, errors, and why one is not evaluated here."""

from __future__ import annotations

from collections.abc import Iterator

from lab.kube import errors
from lab.kube.errors import Cause
from lab.kube.group_resources import VALIDATING_ADMISSION_POLICIES, VALIDATING_ADMISSION_POLICY_BINDINGS
from lab.kube.kinds import cel
from lab.kube.kinds.pod_templates import fill
from lab.kube.kinds.printers import AGE, NAME, Column, of_spec, spec_of
from lab.kube.kinds.resources import native
from lab.kube.kinds.strategies import Server, Strategy
from lab.kube.objects import Object

VARIABLES = ("object", "oldObject", "request", "namespaceObject", "variables")
"""The variables of a policy's expressions."""


def _defaults(policy: Object) -> None:
    """Of a policy and of its binding."""
    spec = policy.setdefault("spec", {})
    if policy["kind"] == "ValidatingAdmissionPolicy":
        spec.setdefault("failurePolicy", "Fail")
    for field in ("matchConstraints", "matchResources"):
        if (matched := spec.get(field)) is None:
            continue
        fill(matched, {"matchPolicy": "Equivalent", "namespaceSelector": {}, "objectSelector": {}})
        for rule in (*(matched.get("resourceRules") or ()), *(matched.get("excludeResourceRules") or ())):
            rule.setdefault("scope", "*")


def _validate(policy: Object, _old: Object | None) -> list[Cause]:
    """The expressions that are no CEL."""
    causes = []
    for at, text in _expressions(policy["spec"]):
        try:
            cel.compiled(text, *VARIABLES)
        except cel.Uncompilable as error:
            if error.is_syntax:
                causes.append(errors.invalid_value(at, text, f"compilation failed: {error}"))
    return causes


def why_not(policy: Object) -> str:
    """Why this server cannot evaluate a policy; "" if it can."""
    if policy["spec"].get("paramKind"):
        return "it has parameters"
    for _, text in _expressions(policy["spec"]):
        try:
            cel.compiled(text, *VARIABLES)
        except cel.Uncompilable as error:
            return error.why
    return ""


def _warnings(policy: Object, _old: Object | None, _server: Server) -> list[str]:
    why = why_not(policy)
    return [f"this server cannot evaluate this policy ({why}): it refuses nothing"] if why else []


def _expressions(spec: Object) -> Iterator[tuple[str, str]]:
    for field in ("matchConditions", "variables", "validations"):
        for index, each in enumerate(spec.get(field) or ()):
            for name in ("expression", "messageExpression"):
                if each.get(name):
                    yield f"spec.{field}[{index}].{name}", each[name].strip()


RESOURCES = (
    native(
        "io.k8s.api.admissionregistration.v1.ValidatingAdmissionPolicy",
        VALIDATING_ADMISSION_POLICIES,
        namespaced=False,
        categories=("api-extensions",),
        subresources=("status",),
        has_generation=True,
        columns=(
            NAME,
            Column("Validations", lambda obj: len(spec_of(obj).get("validations") or ()), "integer"),
            Column(
                "ParamKind",
                lambda obj: "/".join(spec_of(obj).get("paramKind", {}).values()) or "<unset>",
            ),
            AGE,
        ),
        strategy=Strategy(defaults=_defaults, validate=_validate, allocate=_warnings),
    ),
    native(
        "io.k8s.api.admissionregistration.v1.ValidatingAdmissionPolicyBinding",
        VALIDATING_ADMISSION_POLICY_BINDINGS,
        namespaced=False,
        categories=("api-extensions",),
        has_generation=True,
        columns=(
            NAME,
            of_spec("policyName", "PolicyName"),
            Column("ParamRef", lambda obj: (spec_of(obj).get("paramRef") or {}).get("name") or "<unset>"),
            AGE,
        ),
        strategy=Strategy(defaults=_defaults),
    ),
)
