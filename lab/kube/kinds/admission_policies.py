"""ValidatingAdmissionPolicies: what is wrong with one, and what keeps this server from evaluating it."""

from __future__ import annotations

from collections.abc import Iterator

from lab.kube import errors
from lab.kube.errors import Cause
from lab.kube.kinds import cel
from lab.kube.objects import GroupResource, Object

POLICIES = GroupResource("admissionregistration.k8s.io", "validatingadmissionpolicies")
BINDINGS = GroupResource("admissionregistration.k8s.io", "validatingadmissionpolicybindings")
VARIABLES = ("object", "oldObject", "request", "namespaceObject", "variables")
"""What a policy's expressions are about."""


def check_policy(policy: Object, _old: Object | None) -> list[Cause]:
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
    """What keeps this server from evaluating a policy, "" for nothing."""
    if policy["spec"].get("paramKind"):
        return "it has parameters"
    for _, text in _expressions(policy["spec"]):
        try:
            cel.compiled(text, *VARIABLES)
        except cel.Uncompilable as error:
            return error.why
    return ""


def warnings(policy: Object) -> list[str]:
    why = why_not(policy)
    return [f"this server cannot evaluate this policy ({why}): it refuses nothing"] if why else []


def _expressions(spec: Object) -> Iterator[tuple[str, str]]:
    for field in ("matchConditions", "variables", "validations"):
        for index, each in enumerate(spec.get(field) or ()):
            for name in ("expression", "messageExpression"):
                if each.get(name):
                    yield f"spec.{field}[{index}].{name}", each[name].strip()
