"""The dry-run annotation of AuthorizationPolicies: such a policy is not enforced.

Source: Istio's page "Resource Annotations", and its webhook.
"""

from __future__ import annotations

from lab.kube.client import Object
from lab.mesh.config.webhook import mapping, refuse_for

ANNOTATION = "istio.io/dry-run"
ACTIONS = ("ALLOW", "DENY")

# As Go's strconv.ParseBool reads them.
YES = ("1", "t", "T", "true", "True", "TRUE")
NO = ("0", "f", "F", "false", "False", "FALSE")


def is_asked_for(metadata: Object) -> bool:
    """Whether a policy is a dry run."""
    return (metadata.get("annotations") or {}).get(ANNOTATION) in YES


def review_on_others(new: Object) -> list[str]:
    """Rejects the annotation on other kinds."""
    metadata = new["metadata"]
    if ANNOTATION in mapping(metadata.get("annotations")):
        refuse_for(
            [f"{_named(metadata)} has unsupported annotation {ANNOTATION}, please remove the annotation"]
        )
    return []


def review_on_policies(new: Object) -> list[str]:
    """Rejects a value of the annotation that is not a boolean, or that cannot be honored."""
    metadata = new["metadata"]
    value = mapping(metadata.get("annotations")).get(ANNOTATION)
    action = mapping(new.get("spec")).get("action") or "ALLOW"
    if value is None:
        return []
    if action not in ACTIONS:
        refuse_for(
            [
                f"the annotation {ANNOTATION} currently only supports action ALLOW/DENY, "
                f"found action {action} in {_named(metadata)}"
            ]
        )
    if value not in (*YES, *NO):
        refuse_for(
            [
                f"{_named(metadata)} has annotation {ANNOTATION} with invalid value ({value}): "
                f'strconv.ParseBool: parsing "{value}": invalid syntax'
            ]
        )
    return []


def _named(metadata: Object) -> str:
    return f"{metadata.get('namespace', '')}/{metadata.get('name', '')}"
