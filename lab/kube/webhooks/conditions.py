"""`matchConditions`: CEL expressions that must all hold before a webhook is called or a policy evaluated."""

from __future__ import annotations

from lab.kube.errors import forbidden
from lab.kube.kinds import cel
from lab.kube.objects import Object
from lab.kube.webhooks.attributes import Attributes


def variables(request: Object) -> Object:
    """What expressions about a request know: the objects are not in it, but beside it."""
    rest = {name: value for name, value in request.items() if name not in ("object", "oldObject")}
    return {"object": request["object"], "oldObject": request["oldObject"], "request": rest}


def hold(declared: Object, owner: str, asked: Attributes, known: Object) -> bool:
    """Whether all conditions are true that a webhook or a policy, called `owner`, declares.

    Raises a 403 where one has no value, unless the failures of `owner` are to be ignored.
    """
    failure = ""
    for condition in declared.get("matchConditions") or ():
        try:
            if cel.compiled(condition["expression"].strip(), *known).value(known) is not True:
                return False
        except cel.EvaluationFailed as error:
            # A later one may still say no.
            failure = failure or f'match condition "{condition["name"]}" of {owner}: {error}'
    if failure and declared.get("failurePolicy") == "Ignore":
        return False
    if failure:
        raise forbidden(asked.resource, asked.name, failure)
    return True
