"""ValidatingAdmissionPolicies, evaluated for the objects that their bindings select.

Left out are parameters and the authorizer: whoever creates a policy with those is told that it refuses
nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from lab.kube.errors import ApiError, forbidden
from lab.kube.group_resources import (
    NAMESPACES,
    VALIDATING_ADMISSION_POLICIES,
    VALIDATING_ADMISSION_POLICY_BINDINGS,
)
from lab.kube.kinds import cel
from lab.kube.kinds.builtin.validating_admission_policy import VARIABLES, why_not
from lab.kube.kinds.scheme import Scheme
from lab.kube.objects import Json, Object
from lab.kube.store import Store
from lab.kube.webhooks import conditions
from lab.kube.webhooks.admission_review import request_of
from lab.kube.webhooks.attributes import Attributes
from lab.kube.webhooks.matching import Webhook, is_selected, version_asked

_CODES = {"Unauthorized": 401, "Forbidden": 403, "RequestEntityTooLarge": 413, "Invalid": 422}


def check(asked: Attributes, store: Store, scheme: Scheme) -> None:
    """Raises the ApiError of the first policy that denies it; warns of those that only warn."""
    for binding in store.list(VALIDATING_ADMISSION_POLICY_BINDINGS):
        policy = store.get(VALIDATING_ADMISSION_POLICIES, "", binding["spec"]["policyName"])
        if policy is None or why_not(policy):
            continue
        theirs = _matched(policy["spec"].get("matchConstraints") or {}, asked, store, scheme)
        resources = binding["spec"].get("matchResources")
        if theirs is None or (resources and _matched(resources, asked, store, scheme) is None):
            continue
        names = f"ValidatingAdmissionPolicy '{_name(policy)}' with binding '{_name(binding)}'"
        for reason, message in _failures(policy, theirs, asked, store):
            if "Warn" in binding["spec"]["validationActions"]:
                asked.warnings.append(f"Validation failed for {names}: {message}")
            if "Deny" in binding["spec"]["validationActions"]:
                raise _denied(asked, reason, f"{names} denied request: {message}")


def _name(obj: Object) -> str:
    return str(obj["metadata"]["name"])


def _matched(resources: Object, asked: Attributes, store: Store, scheme: Scheme) -> Attributes | None:
    """The question in the version that the rules are about; None when they are not about it."""
    fields = ("matchPolicy", "namespaceSelector", "objectSelector")
    common = {field: resources[field] for field in fields if field in resources}
    for exclude in (True, False):
        rules = resources.get("excludeResourceRules" if exclude else "resourceRules") or ()
        named = [rule for rule in rules if asked.name in rule.get("resourceNames", (asked.name,))]
        wanted = version_asked(Webhook(("", 0), {**common, "rules": named}), asked, scheme)
        if exclude and wanted is not None:
            return None
    if "resourceRules" not in resources:
        wanted = asked.resource
    selected = wanted is not None and is_selected(Webhook(("", 0), common), asked, store)
    return asked.in_version(wanted) if wanted is not None and selected else None


def _failures(
    policy: Object, theirs: Attributes, asked: Attributes, store: Store
) -> Iterator[tuple[str, str]]:
    """Reason and message of every validation that fails."""
    spec = policy["spec"]
    known = conditions.variables(request_of(theirs, asked, ""))
    known |= {"namespaceObject": store.get(NAMESPACES, "", asked.namespace), "variables": {}}
    if not conditions.hold(spec, f"ValidatingAdmissionPolicy '{_name(policy)}'", theirs, known):
        return
    for variable in spec.get("variables") or ():
        try:
            known["variables"][variable["name"]] = _value(variable["expression"], known)
        except cel.EvaluationFailed:
            continue  # whoever needs it fails
    for validation in spec.get("validations") or ():
        text = validation["expression"].strip()
        try:
            if _value(text, known) is not True:
                yield validation.get("reason") or "Invalid", _said(validation, known)
        except cel.EvaluationFailed as error:
            if spec.get("failurePolicy") != "Ignore":
                yield "Invalid", f"expression '{text}' resulted in error: {error}"


def _value(text: str, known: Object) -> Json:
    value: Json = cel.compiled(text.strip(), *VARIABLES).value(known)
    return value


def _said(validation: Object, known: Object) -> str:
    if made := validation.get("messageExpression"):
        try:
            text = _value(made, known)
            if isinstance(text, str) and text.strip():
                return text.strip()
        except cel.EvaluationFailed:
            pass  # then what is written in any case
    message: str = (validation.get("message") or "").strip()
    return message or f"failed expression: {validation['expression'].strip()}"


def _denied(asked: Attributes, reason: str, message: str) -> ApiError:
    refused = forbidden(asked.resource, asked.name, message)
    details = {**(refused.details or {}), "causes": [{"message": message}]}
    return ApiError(_CODES.get(reason, 422), reason, refused.message, details=details)
