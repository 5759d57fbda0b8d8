"""`matchConditions`: CEL expressions that must all be true before a webhook is asked."""

from __future__ import annotations

from lab.kube.errors import forbidden
from lab.kube.kinds import cel
from lab.kube.kinds.webhook_configurations import CONDITION_VARIABLES
from lab.kube.store import Object
from lab.kube.webhooks.asked import Asked

# They are variables of their own.
_OBJECTS = ("object", "oldObject")


def hold(webhook: Object, asked: Asked, review: Object) -> bool:
    """Raises a 403 where a condition has no value, unless the webhook's failures are to be ignored."""
    failure, name = "", webhook["name"]
    for condition in webhook.get("matchConditions") or ():
        request = {key: value for key, value in review["request"].items() if key not in _OBJECTS}
        known = {"object": asked.object, "oldObject": asked.old, "request": request}
        try:
            if cel.compiled(condition["expression"], *CONDITION_VARIABLES).value(known) is not True:
                return False
        except cel.EvaluationFailed as error:
            # A later one may still say no.
            failure = failure or f'match condition "{condition["name"]}" of webhook "{name}": {error}'
    if failure and webhook.get("failurePolicy") == "Ignore":
        return False
    if failure:
        raise forbidden(asked.resource, asked.name, failure)
    return True
